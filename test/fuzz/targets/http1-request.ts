import assert from 'node:assert/strict'
import { asksForTunnel, type RequestHead } from '../../../sidecar/http/head.ts'
import { RequestDecoder } from '../../../sidecar/http1/request-decoder.ts'
import { RequestHeadParser } from '../../../sidecar/http1/request-head.ts'
import { requestFraming, requestHeadText } from '../../../sidecar/http1/write-request.ts'
import { requestTranscript } from '../../sidecar/http1/transcript.ts'
import { assertAlike, someCuts } from '../cuts.ts'
import { type FuzzTarget, octets } from '../fuzz-target.ts'
import { HTTP1_REQUESTS, HTTP1_WORDS } from '../messages/http1-requests.ts'
import { assertBounded, assertSameReading, isAtLimit } from './http1-steps.ts'

/** Requests, cut anywhere, by a parser with and without memory of them; written again, each head reads the same. */
export const http1Request: FuzzTarget = {
  name: 'http1-request',
  seeds: HTTP1_REQUESTS.map(octets),
  words: HTTP1_WORDS,
  maxBytes: 70_000,
  check(input) {
    const whole = assertSameReading(input, (pieces) => requestTranscript(pieces))
    const remembering = new RequestHeadParser('http')
    requestTranscript([input], remembering)
    assertAlike(requestTranscript([input], remembering), whole, 'the input again, of a parser that has seen it')
    for (const pieces of someCuts(input)) {
      const decoder = new RequestDecoder(new RequestHeadParser('http'))
      assertBounded(decoder, pieces, () => {
        if (decoder.request?.head.upgrade !== undefined) decoder.switchToRaw()
      })
    }
    let heads = 0
    for (const step of whole.steps as { head?: RequestHead }[]) {
      if (step.head === undefined) continue
      heads++
      assertWritesBack(step.head)
    }
    return `${Math.min(heads, 4)} ${whole.error ?? ''}`
  },
}

/** What is sent on must be the request that was judged; but for a head that is at a limit already. */
function assertWritesBack(head: RequestHead): void {
  const framing = requestFraming(head)
  const text = requestHeadText(head, framing)
  if (isAtLimit(head.fields, text)) return
  const read = requestTranscript([octets(text)])
  assert.equal(read.error, undefined, 'a head that we write is one that we take')
  const [step] = read.steps as { head: RequestHead; isChunked: boolean }[]
  assert(step !== undefined && read.steps.length === 1, 'one head is written')
  assertAlike(withoutLength(step.head), withoutLength(head), 'the head, written and read again')
  assert.equal(step.isChunked, framing === 'chunked')
}

/** The length is written anew, at another place; expectations end at this hop; an origin-form has no scheme. */
function withoutLength(head: RequestHead): object {
  const fields = head.fields.filter((_, i) => head.fields[i - (i % 2)] !== 'content-length')
  const { expectsContinue: _, scheme: _1, ...rest } = head
  return { ...rest, fields, bodyLength: asksForTunnel(head) ? 0 : head.bodyLength }
}
