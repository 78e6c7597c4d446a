import assert from 'node:assert/strict'
import test from 'ava'
import { CLIENT_PREFACE } from '../../sidecar/http2/frame/frame-type.ts'
import { requestTranscript, responseTranscript } from '../sidecar/http1/transcript.ts'
import { END_HEADERS, END_STREAM, frame, GET_BLOCK, headers, settings } from '../support/http2-frames.ts'
import { assertAlike, everyCut, singleOctets } from './cuts.ts'
import { octets } from './fuzz-target.ts'
import { CHUNKED_BODIES } from './messages/chunked-bodies.ts'
import { HTTP1_REQUESTS } from './messages/http1-requests.ts'
import { HTTP1_RESPONSES } from './messages/http1-responses.ts'
import { REQUEST_FRAMES, REQUEST_WIRES, RESPONSE_WIRES } from './messages/http2-wires.ts'
import { readChunked } from './targets/chunked-body.ts'
import { clientTranscript, SMALL_SETTINGS, serverTranscript } from './targets/http2-transcript.ts'

/*
 * Every message, cut in two at every place and into single octets, is read as it is whole. That heads of HTTP/1 are read so
 * by themselves is told in test/sidecar/http1; here are the same messages for every codec, also in a row and broken.
 */

const LEAST_MESSAGES = 30
/** What comes before the frame that is cut, in the connections of HTTP/2. */
const START = Buffer.concat([CLIENT_PREFACE, settings(), frame(4, 1, 0)])

interface Codec {
  readonly name: string
  readonly inputs: readonly Buffer[]
  read(pieces: readonly Buffer[], index: number): unknown
}

const CODECS: readonly Codec[] = [
  { name: 'requests of HTTP/1', inputs: HTTP1_REQUESTS.map(octets), read: (pieces) => requestTranscript(pieces) },
  {
    name: 'responses of HTTP/1',
    inputs: HTTP1_RESPONSES.map(([text]) => octets(text)),
    read: (pieces, i) =>
      responseTranscript(pieces, HTTP1_RESPONSES[i]?.[1], HTTP1_RESPONSES[i]?.[0].includes('upgrade: websocket')),
  },
  { name: 'chunked bodies', inputs: CHUNKED_BODIES.map(octets), read: readChunked },
  { name: 'what a server of HTTP/2 receives', inputs: REQUEST_WIRES, read: serverTranscript },
  { name: 'what a client of HTTP/2 receives', inputs: RESPONSE_WIRES, read: clientTranscript },
]

for (const { name, inputs, read } of CODECS) {
  test(`${name} are the same wherever they are cut`, () => {
    assert(inputs.length >= LEAST_MESSAGES)
    const outcomes = new Set<string>()
    for (const [i, input] of inputs.entries()) {
      const whole = read([input], i)
      outcomes.add(JSON.stringify(whole))
      for (const pieces of everyCut(input))
        assertAlike(read(pieces, i), whole, `message ${i}, cut after ${pieces[0]?.length} octets`)
    }
    assert(outcomes.size > inputs.length / 2, 'the messages are different ones')
  })
}

/** The blocks of all HEADERS frames above that are within the limit, and how the connection that they open goes on. */
const BLOCKS = REQUEST_FRAMES.flat()
  .filter((one) => one[3] === 1)
  .map((one) => one.subarray(9))
  .filter((block) => block.length > 1 && block.length <= (SMALL_SETTINGS.headerListBytes ?? 0))

test('header blocks are the same wherever HEADERS ends and CONTINUATION begins', () => {
  assert(BLOCKS.length >= LEAST_MESSAGES)
  for (const block of BLOCKS) {
    // The table must be in the same state, too: another block, which uses it, follows.
    const next = headers(3, Buffer.concat([GET_BLOCK, Buffer.from('be', 'hex')]))
    const whole = serverTranscript([START, headers(1, block), next])
    for (let at = 0; at <= block.length; at++) {
      const parts = [block.subarray(0, at), block.subarray(at)]
      assertAlike(serverTranscript([START, ...continued(parts), next]), whole, `a block, cut after ${at} octets`)
    }
    const few = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => block.subarray(i, i === 7 ? undefined : i + 1))
    const one = Buffer.concat([START, ...continued(few), next])
    assertAlike(serverTranscript([one]), whole, 'a block in eight frames')
    assertAlike(serverTranscript(singleOctets(one)), whole, 'a block in eight frames, octet by octet')
  }
})

const continued = (parts: readonly Buffer[]): Buffer[] =>
  parts.map((part, i) => {
    const last = i === parts.length - 1 ? END_HEADERS : 0
    return i === 0 ? frame(1, last | END_STREAM, 1, part) : frame(9, last, 1, part)
  })
