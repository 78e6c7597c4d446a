import assert from 'node:assert/strict'
import type { Fields } from '../../../sidecar/http/head.ts'
import type { RequestSink } from '../../../sidecar/http/streams.ts'
import { GrpcWebStream } from '../../../sidecar/inbound/grpc-web-stream.ts'
import { RecordingDownstream } from '../../support/recording-streams.ts'
import { assertAlike, someCuts } from '../cuts.ts'
import { type FuzzTarget, octets } from '../fuzz-target.ts'

const FORM = { isText: true, suffix: '' }

/** A body in base64 arrives the same wherever it is cut, or is refused; what is answered in base64 reads back. */
export const grpcWeb: FuzzTarget = {
  name: 'grpc-web-stream',
  seeds: [
    '',
    'AAAAAAA=',
    'AAAAAAVoZWxsbw==',
    'AAAAAAA=AAAAAAA=',
    'QQ==QUI=QUJD',
    'AAAA*AAA',
    'AAA',
    'A===',
    '=AAA',
    'QR==',
  ].map(octets),
  words: ['QQ==', 'QUI=', 'QUJD', '=', '==', '+/', '-_', '\r\n', 'A', ' '],
  maxBytes: 4_000,
  check(input) {
    const whole = readBody([input])
    for (const pieces of someCuts(input)) {
      const cut = readBody(pieces)
      assert.equal(cut.outcome, whole.outcome, 'the outcome of a cut body')
      // Of a body that is refused, its good beginning was passed on.
      if (whole.outcome === 'ended') assertAlike(cut.body, whole.body, 'a cut body')
    }
    const answer = writeBody(input)
    const back = readBody([octets(answer)])
    assert.equal(back.outcome, 'ended', 'our own base64 is some')
    assert(back.body.startsWith(input.toString('latin1')) && back.body[input.length] === '\x80', 'an answer, read back')
    return whole.outcome
  },
}

function readBody(pieces: readonly Buffer[]): { body: string; outcome: 'ended' | 'refused' } {
  const caller = new RecordingDownstream()
  const stream = new GrpcWebStream(caller, FORM)
  const heard = { body: '', ends: 0, aborts: 0 }
  const sink: RequestSink = {
    onBody: (chunk) => {
      assert(heard.ends + heard.aborts === 0, 'no body behind the end')
      heard.body += chunk.toString('latin1')
    },
    onEnd: () => void heard.ends++,
    onAbort: () => void heard.aborts++,
    onDrain: () => undefined,
  }
  stream.attach(sink)
  for (const piece of pieces) {
    const borrowed = Buffer.from(piece)
    stream.onBody(borrowed)
    borrowed.fill(0x58)
  }
  stream.onEnd([])
  assert.equal(heard.ends + heard.aborts, 1, 'one end')
  if (heard.aborts === 1) assert.equal(caller.heads.length, 1, 'who is refused is told so')
  return { body: heard.body, outcome: heard.ends === 1 ? 'ended' : 'refused' }
}

function writeBody(input: Buffer): string {
  const caller = new RecordingDownstream()
  const stream = new GrpcWebStream(caller, FORM)
  const trailers: Fields = ['grpc-status', '0']
  stream.sendHead({ status: 200, fields: ['content-type', 'application/grpc'], bodyLength: -1 }, false)
  for (let at = 0; at < input.length; at += 7) stream.sendBody(input.subarray(at, at + 7))
  stream.sendEnd(trailers)
  assert(caller.isEnded && caller.trailers.length === 0, 'trailers travel in the body')
  return caller.body
}
