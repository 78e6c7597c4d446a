import { CLIENT_PREFACE } from '../../../sidecar/http2/frame/frame-type.ts'
import { frame, settings } from '../../support/http2-frames.ts'
import { assertAlike, someCuts } from '../cuts.ts'
import { type FuzzTarget, kindOf } from '../fuzz-target.ts'
import { REQUEST_FRAMES, RESPONSE_FRAMES } from '../messages/http2-wires.ts'
import { FRAME_WORDS, toScript, toWire } from './frame-script.ts'
import { clientTranscript, type Http2Transcript, serverTranscript } from './http2-transcript.ts'

const KNOWN = Buffer.concat([settings(), frame(4, 1, 0)])

/** A connection that a client has opened. */
export const http2Server: FuzzTarget = connection(
  'http2-server',
  serverTranscript,
  Buffer.concat([CLIENT_PREFACE, KNOWN]),
  REQUEST_FRAMES,
)

/** A connection that we have opened, with four requests under way. */
export const http2Client: FuzzTarget = connection('http2-client', clientTranscript, KNOWN, RESPONSE_FRAMES)

/** `start` comes before the frames of an input. An input that begins with 0 is all that comes. */
function connection(
  name: string,
  read: (pieces: readonly Buffer[]) => Http2Transcript,
  start: Buffer,
  messages: readonly (readonly Buffer[])[],
): FuzzTarget {
  const scripts = messages.map((frames) => toScript(Buffer.concat(frames)))
  return {
    name,
    seeds: [...scripts, Buffer.concat([Buffer.of(0), start, ...(messages[3] ?? [])])],
    words: FRAME_WORDS,
    maxBytes: 18_000,
    check(input) {
      const wire = input[0] === 0 ? toWire(input) : Buffer.concat([start, toWire(input)])
      const whole = read([wire])
      for (const pieces of someCuts(wire)) assertAlike(read(pieces), whole, 'what a cut input leads to')
      return `${kindOf(whole.closed)} ${[...new Set(whole.said.map(kindOf))].sort().join()}`
    },
  }
}
