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
