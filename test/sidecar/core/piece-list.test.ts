import assert from 'node:assert/strict'
import test from 'ava'
import fc from 'fast-check'
import { PieceList } from '../../../sidecar/core/piece-list.ts'
import { ReplayBuffer, ReplayMemory } from '../../../sidecar/resilience/replay-buffer.ts'

test('octets come out as they went in, whatever is appended and taken in between', () => {
  const step = fc.oneof(
    fc.record({ append: fc.uint8Array({ maxLength: 40 }), from: fc.nat(3) }),
    fc.record({ append: fc.uint8Array({ minLength: 3_000, maxLength: 9_000 }), from: fc.nat(3) }),
    fc.record({ append: fc.uint8Array({ minLength: 16_000, maxLength: 40_000 }), from: fc.nat(3) }),
    fc.constant('shift' as const),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const pieces = new PieceList()
      const went: Buffer[] = []
      const came: Buffer[] = []
      for (const one of steps) {
        if (one === 'shift') {
          const piece = pieces.shift()
          if (piece !== undefined) came.push(Buffer.from(piece))
          continue
        }
        const octets = Buffer.from(one.append)
        pieces.append(octets, one.from)
        went.push(Buffer.from(octets.subarray(one.from)))
        octets.fill(0xee) // what was borrowed is the lender's again
      }
      const waits = Buffer.concat(pieces.all)
      assert.equal(pieces.bytes, waits.length)
      assert.deepEqual(Buffer.concat([...came, waits]), Buffer.concat(went))
      while (pieces.shift() !== undefined);
      assert.equal(pieces.bytes, 0)
      assert.equal(pieces.isEmpty, true)
    }),
  )
})

test('a hundred thousand single octets are a few pieces', () => {
  const pieces = new PieceList()
  for (let i = 0; i < 100_000; i++) pieces.append(Buffer.from([i & 255]))
  assert.equal(pieces.bytes, 100_000)
  assert.ok(pieces.all.length < 30, `${pieces.all.length} pieces`)
  assert.deepEqual([...(pieces.first as Buffer).subarray(0, 3)], [0, 1, 2])
})

test('frames that came in two reads each fill whole blocks: no room is lost between them', () => {
  const pieces = new PieceList()
  for (let i = 0; i < 100; i++) for (const count of [9_384, 7_000]) pieces.append(Buffer.alloc(count, i))
  const held = new Set(pieces.all.map(({ buffer }) => buffer))
  assert.deepEqual([pieces.bytes, held.size], [100 * 16_384, 100])
})

test('a piece that was taken keeps its octets when more are appended', () => {
  const pieces = new PieceList()
  pieces.append(Buffer.from('one'))
  pieces.append(Buffer.from('two'))
  const taken = pieces.shift() as Buffer
  pieces.append(Buffer.from('three'))
  assert.equal(taken.toString(), 'onetwo')
  assert.equal(pieces.first?.toString(), 'three')
})

for (const [bytes, count] of [
  [2_048, 1],
  [4_096, 1],
  [6_000, 1],
  [3 * 16_384, 3],
] as const) {
  test(`${bytes} octets that are discarded unread leave room that is lent again, each block once`, () => {
    const octets = Buffer.alloc(bytes, 1)
    const [dropped, first, second] = [new PieceList(), new PieceList(), new PieceList()]
    dropped.append(octets)
    const lent = new Set(dropped.all.map(({ buffer }) => buffer))
    dropped.discard()
    assert.deepEqual([dropped.isEmpty, dropped.bytes], [true, 0])
    first.append(octets)
    second.append(octets)
    const of = (list: PieceList): ArrayBufferLike[] => list.all.map(({ buffer }) => buffer)
    assert.deepEqual(new Set(of(first)), lent)
    assert.equal(new Set([...of(first), ...of(second)]).size, 2 * count)
  })
}

test('what a replay buffer held is lent again when it is released', () => {
  const memory = new ReplayMemory()
  const blocks = Array.from({ length: 3 }, () => {
    const replay = new ReplayBuffer(memory)
    replay.append(Buffer.alloc(4_096))
    const [block] = replay.chunks
    replay.release()
    return block?.buffer
  })
  assert.equal(new Set(blocks).size, 1)
})
