import assert from 'node:assert/strict'
import test from 'ava'
import fc from 'fast-check'
import { ReplayBuffer, ReplayMemory } from '../../../sidecar/resilience/replay-buffer.ts'

test('what is kept is a copy: the chunk was only lent', () => {
  const buffer = new ReplayBuffer(new ReplayMemory())
  const chunk = Buffer.from('abc')
  assert.equal(buffer.append(chunk), true)
  chunk.fill('x')
  assert.equal(Buffer.concat([...buffer.chunks]).toString(), 'abc')
})

test('a body up to the limit is complete, one octet more is not, and what was kept stays', () => {
  const buffer = new ReplayBuffer(new ReplayMemory(), 4)
  assert.equal(buffer.append(Buffer.from('abcd')), true)
  assert.equal(buffer.isComplete, true)
  assert.equal(buffer.append(Buffer.from('e')), false)
  assert.equal(buffer.isComplete, false)
  assert.equal(Buffer.concat([...buffer.chunks]).toString(), 'abcd')
})

test('after a gap nothing is kept, even if it would fit', () => {
  const buffer = new ReplayBuffer(new ReplayMemory(), 4)
  buffer.append(Buffer.from('abc'))
  buffer.append(Buffer.from('de'))
  assert.equal(buffer.append(Buffer.from('f')), false)
})

test('the room of all is shared, and given back', () => {
  const memory = new ReplayMemory(4)
  const one = new ReplayBuffer(memory)
  const other = new ReplayBuffer(memory)
  assert.equal(one.append(Buffer.from('abc')), true)
  assert.equal(other.append(Buffer.from('de')), false)
  one.release()
  one.release()
  assert.equal(new ReplayBuffer(memory).append(Buffer.from('abcd')), true)
})

test('a released buffer is not complete, and keeps nothing', () => {
  const memory = new ReplayMemory()
  const buffer = new ReplayBuffer(memory)
  buffer.release()
  assert.equal(buffer.isComplete, false)
  assert.equal(buffer.append(Buffer.from('a')), false)
  assert.equal(memory.heldBytes, 0)
})

test('room never goes over its limit, and comes back to zero, whatever happens', () => {
  const event = fc.record({ which: fc.nat(3), bytes: fc.nat(40), isRelease: fc.boolean() })
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const memory = new ReplayMemory(100)
      const buffers = Array.from({ length: 4 }, () => new ReplayBuffer(memory, 50))
      for (const { which, bytes, isRelease } of events) {
        if (isRelease) buffers[which]?.release()
        else buffers[which]?.append(Buffer.alloc(bytes))
        const held = buffers.flatMap(({ chunks }) => chunks).reduce((sum, { length }) => sum + length, 0)
        assert.equal(memory.heldBytes, held)
        assert(held <= 100)
      }
      for (const buffer of buffers) buffer.release()
      assert.equal(memory.heldBytes, 0)
    }),
  )
})
