import assert from 'node:assert/strict'
import test from 'ava'
import fc from 'fast-check'
import { ByteQueue } from '../../../sidecar/core/byte-queue.ts'

test('a byte queue gives what was put in, in order, whatever was taken between', () => {
  const act = fc.oneof(fc.uint8Array({ maxLength: 3_000 }), fc.nat({ max: 4_000 }))
  fc.assert(
    fc.property(fc.array(act, { maxLength: 30 }), (acts) => {
      const queue = new ByteQueue()
      let model = Buffer.alloc(0)
      for (const act of acts) {
        if (typeof act === 'number') {
          const count = Math.min(act, model.length)
          queue.consume(count)
          model = model.subarray(count)
        } else {
          const chunk = Buffer.from(act)
          queue.append(chunk)
          model = Buffer.concat([model, chunk])
          chunk.fill(0)
        }
        assert.equal(queue.length, model.length)
        assert(queue.view().equals(model))
      }
    }),
    { numRuns: 200, seed: 1 },
  )
})

test('a byte queue takes the tail of a chunk', () => {
  const queue = new ByteQueue()
  queue.append(Buffer.from('abcdef'), 4)
  queue.append(Buffer.from('x'), 1)
  assert.equal(queue.view().toString(), 'ef')
  queue.clear()
  assert.equal(queue.view().length, 0)
})

test('queues that hold much one after the other share their stores, and never their octets', () => {
  const act = fc.record({ which: fc.nat({ max: 3 }), takes: fc.boolean(), bytes: fc.nat({ max: 80_000 }) })
  fc.assert(
    fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
      const queues = Array.from({ length: 4 }, () => ({ queue: new ByteQueue(), model: Buffer.alloc(0) }))
      for (const [i, { which, takes, bytes }] of acts.entries()) {
        const one = queues[which]
        assert(one !== undefined)
        if (takes) {
          const count = Math.min(bytes, one.model.length)
          one.queue.consume(count)
          one.model = one.model.subarray(count)
        } else {
          const chunk = Buffer.alloc(bytes, i)
          one.queue.append(chunk)
          one.model = Buffer.concat([one.model, chunk])
        }
        for (const { queue, model } of queues) assert(queue.view().equals(model))
      }
    }),
    { numRuns: 200, seed: 2 },
  )
})

test('what is held anew in every turn takes no new memory', () => {
  const allocate = Buffer.allocUnsafeSlow
  const chunk = Buffer.alloc(16_384)
  const turn = (): void => {
    const queue = new ByteQueue()
    queue.append(chunk, 5_000)
    for (let i = 0; i < 3; i++) queue.append(chunk)
    queue.clear()
  }
  for (let i = 0; i < 8; i++) turn()
  let count = 0
  Buffer.allocUnsafeSlow = (size) => {
    count++
    return allocate(size)
  }
  try {
    for (let i = 0; i < 100; i++) turn()
  } finally {
    Buffer.allocUnsafeSlow = allocate
  }
  assert.equal(count, 0)
})
