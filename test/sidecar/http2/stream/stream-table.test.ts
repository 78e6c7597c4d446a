import assert from 'node:assert/strict'
import test from 'ava'
import fc from 'fast-check'
import type { ClientStream } from '../../../../sidecar/http2/stream/client-stream.ts'
import { StreamTable } from '../../../../sidecar/http2/stream/stream-table.ts'

const streamOf = (id: number): ClientStream => ({ id, nextInTable: undefined }) as unknown as ClientStream

test('a stream table behaves as a Map does', () => {
  const steps = fc.array(fc.record({ id: fc.nat(3_000), isDelete: fc.boolean() }), { maxLength: 400 })
  fc.assert(
    fc.property(steps, (all) => {
      const table = new StreamTable()
      const model = new Map<number, ClientStream>()
      for (const { id, isDelete } of all) {
        if (isDelete) assert.equal(table.delete(id), model.delete(id))
        else if (!model.has(id)) {
          const stream = streamOf(id)
          model.set(id, stream)
          table.add(stream)
        }
        assert.equal(table.size, model.size)
        assert.equal(table.get(id), model.get(id))
      }
      assert.deepEqual(new Set(table.list()), new Set(model.values()))
    }),
  )
})

test('a stream that left the table refers to no other', () => {
  const table = new StreamTable()
  const [first, second, third] = [streamOf(1), streamOf(513), streamOf(1_025)] // one bucket
  for (const stream of [first, second, third]) table.add(stream)
  for (const id of [513, 1_025, 1]) table.delete(id)
  assert.deepEqual(
    [first, second, third].map((stream) => stream.nextInTable),
    [undefined, undefined, undefined],
  )
})
