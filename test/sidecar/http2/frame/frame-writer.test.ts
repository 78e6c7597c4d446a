import assert from 'node:assert/strict'
import test from 'ava'
import fc from 'fast-check'
import { FrameReader, type FrameTarget } from '../../../../sidecar/http2/frame/frame-reader.ts'
import { FrameWriter } from '../../../../sidecar/http2/frame/frame-writer.ts'
import { framesOf, toWords } from '../../../support/http2-frames.ts'

/** Puts the pieces of frames together again. */
class Collector implements FrameTarget {
  readonly frames: string[] = []
  #starts = ''
  #data = ''
  onFrameStart(type: number, flags: number, streamId: number, length: number): boolean {
    this.#starts = `${type} ${flags} ${streamId} ${length}`
    this.#data = ''
    return true
  }
  onData(_streamId: number, octets: Buffer, start: number, end: number): void {
    this.#data += octets.toString('hex', start, end)
    const length = Number(this.#starts.split(' ').at(-1))
    if (this.#data.length === 2 * length) this.frames.push(`${this.#starts} ${this.#data}`)
  }
  onFrame(_type: number, _flags: number, _streamId: number, octets: Buffer, start: number, end: number): void {
    this.frames.push(`${this.#starts} ${octets.toString('hex', start, end)}`)
  }
}

const one = fc.record({
  kind: fc.constantFrom('data' as const, 'settings' as const, 'ping' as const, 'headers' as const, 'goAway' as const),
  streamId: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  payload: fc.uint8Array({ maxLength: 40 }),
})

test('whatever is written is read again, wherever the octets are cut', () => {
  fc.assert(
    fc.property(
      fc.array(one, { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 8 }),
      (list, cuts) => {
        const writer = new FrameWriter()
        for (const { kind, streamId, payload } of list) {
          if (kind === 'data') writer.data(streamId, payload, 0, payload.length, false)
          else if (kind === 'settings') writer.settings([4, payload.length])
          else if (kind === 'ping') writer.ping(Buffer.alloc(8, 7), 0, true)
          else if (kind === 'goAway') writer.goAway(streamId, 2, 'detail')
          else {
            writer.beginHeaders()
            writer.output.append(payload, 0, payload.length)
            writer.endHeaders(streamId, true, 16)
          }
        }
        const octets = Buffer.from(writer.take())
        const whole = new Collector()
        new FrameReader(whole).receive(octets)
        const pieces = new Collector()
        const reader = new FrameReader(pieces)
        for (let at = 0, i = 0; at < octets.length; i++) {
          const end = at + (cuts[i % cuts.length] ?? 1)
          reader.receive(Buffer.from(octets.subarray(at, end)))
          at = end
        }
        assert.deepEqual(pieces.frames, whole.frames)
        assert.equal(whole.frames.length, framesOf(octets).length)
      },
    ),
    { seed: 5, numRuns: 500 },
  )
})

test('a block longer than the peer’s frames is cut into CONTINUATION, and only the last says that it ends', () => {
  const writer = new FrameWriter()
  writer.beginHeaders()
  writer.output.append(Buffer.alloc(25, 1), 0, 25)
  writer.endHeaders(3, true, 10)
  assert.equal(writer.endLast(3), false)
  const frames = framesOf(writer.take())
  assert.deepEqual(frames.map(toWords), ['headers 3', 'continuation 3', 'continuation 3'])
  assert.deepEqual(
    frames.map((frame) => frame.flags),
    [1, 0, 4],
  )
  assert.equal(Buffer.concat(frames.map((frame) => frame.payload)).toString('hex'), '01'.repeat(25))
})

test('what was taken is not written again before it was sent; then two slabs serve in turn', () => {
  const writer = new FrameWriter()
  writer.data(1, Buffer.from('first'), 0, 5, false)
  const taken = writer.take()
  const copy = Buffer.from(taken)
  for (let i = 0; i < 50_000; i++) writer.data(1, Buffer.from('other'), 0, 5, false)
  writer.take()
  assert.deepEqual(taken, copy)
  const slabs = new Set<ArrayBufferLike>()
  for (let i = 0; i < 50; i++) {
    writer.output.reuse()
    writer.data(1, Buffer.alloc(16_000), 0, 16_000, false)
    slabs.add(writer.take().buffer)
  }
  assert.ok(slabs.size <= 3, `${slabs.size} slabs for what is sent at once`)
})
