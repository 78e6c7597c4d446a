import assert from 'node:assert/strict'
import type { ResponseHead } from '../../../sidecar/http/head.ts'
import { ResponseDecoder } from '../../../sidecar/http1/response-decoder.ts'
import { ResponseHeadParser } from '../../../sidecar/http1/response-head.ts'
import { responseFraming, responseHeadText } from '../../../sidecar/http1/write-response.ts'
import { responseTranscript } from '../../sidecar/http1/transcript.ts'
import { assertAlike, someCuts } from '../cuts.ts'
import { type FuzzTarget, octets } from '../fuzz-target.ts'
import { HTTP1_WORDS } from '../messages/http1-requests.ts'
import { HTTP1_RESPONSES } from '../messages/http1-responses.ts'
import { assertBounded, assertSameReading, isAtLimit } from './http1-steps.ts'

const METHODS = ['GET', 'HEAD', 'CONNECT', 'POST']

/** Responses to four methods, the first of which, and whether an upgrade was asked for, the first octet says. */
export const http1Response: FuzzTarget = {
  name: 'http1-response',
  seeds: HTTP1_RESPONSES.map(([text, [method]]) =>
    Buffer.concat([
      Buffer.of(Math.max(0, METHODS.indexOf(method ?? '')) + (text.includes(' 101 ') ? 4 : 0)),
      octets(text),
    ]),
  ),
  words: [
    ...HTTP1_WORDS,
    'HTTP/1.1 200 OK\r\n',
    'HTTP/1.1 100 Continue\r\n\r\n',
    'HTTP/1.0 ',
    ' 204 ',
    ' 304 ',
    ' 101 ',
  ],
  maxBytes: 70_000,
  check(all) {
    const first = all[0] ?? 0
    const input = all.subarray(1)
    const methods = [METHODS[first & 3] ?? 'GET', 'GET', 'HEAD']
    const mayUpgrade = (first & 4) !== 0
    const whole = assertSameReading(input, (pieces) => responseTranscript(pieces, methods, mayUpgrade))
    for (const pieces of someCuts(input)) {
      const decoder = new ResponseDecoder(new ResponseHeadParser())
      decoder.expect(methods[0] ?? 'GET', mayUpgrade)
      assertBounded(decoder, pieces, () => undefined)
    }
    let heads = 0
    for (const { head, isEnd, isRaw } of whole.steps as { head?: ResponseHead; isEnd: boolean; isRaw: boolean }[]) {
      if (head === undefined) continue
      if (!isRaw) assertWritesBack(head, isEnd)
      heads++
    }
    return `${methods[0]} ${Math.min(heads, 4)} ${whole.error ?? ''}`
  },
}

/** As the answer to GET, or to HEAD where there was no body; but for a head that is at a limit already. */
function assertWritesBack(head: ResponseHead, isEnd: boolean): void {
  const method = isEnd ? 'HEAD' : 'GET'
  const framing = responseFraming(head, isEnd, method, false)
  const text = responseHeadText(head, isEnd, framing, '')
  if (isAtLimit(head.fields, text)) return
  const read = responseTranscript([octets(text)], [method])
  assert.equal(read.error, undefined, 'a head that we write is one that we take')
  const [step] = read.steps as { head: ResponseHead }[]
  assert(step !== undefined && read.steps.length === 1, 'one head is written')
  assertAlike(withoutLength(step.head), withoutLength(head), 'the head, written and read again')
}

/** The length is written anew, at another place. */
const withoutLength = (head: ResponseHead): object => ({
  ...head,
  fields: head.fields.filter((_, i) => head.fields[i - (i % 2)] !== 'content-length'),
})
