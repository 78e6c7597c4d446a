import assert from 'node:assert/strict'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import { BodyDecoder } from '../../../sidecar/http1/body-decoder.ts'
import { CHUNK_END, chunkHead, lastChunk } from '../../../sidecar/http1/write-fields.ts'
import { assertAlike, someCuts } from '../cuts.ts'
import { type FuzzTarget, kindOf, octets } from '../fuzz-target.ts'
import { CHUNKED_BODIES } from '../messages/chunked-bodies.ts'

/** The chunked coding without its trailer section; what comes out of it, coded again, comes out again. */
export const chunkedBody: FuzzTarget = {
  name: 'chunked-body',
  seeds: CHUNKED_BODIES.map(octets),
  words: [
    '\r\n',
    '0\r\n\r\n',
    '5\r\nhello\r\n',
    ';',
    '"',
    '\\',
    '\\"',
    ';a=b',
    '0',
    'f',
    'ffffffffffffff',
    '\n',
    '\r',
    ' ',
  ],
  maxBytes: 6_000,
  check(input) {
    const whole = readChunked([input])
    for (const pieces of someCuts(input)) assertAlike(readChunked(pieces), whole, 'the body of a cut input')
    const expected = plainly(input.toString('latin1'))
    if (whole.outcome === 'trailers' || expected !== undefined)
      assertAlike(whole.body, expected, 'the body, read by a pattern')
    const coded = whole.body === '' ? '' : `${chunkHead(whole.body.length)}${whole.body}${CHUNK_END}`
    assertAlike(
      readChunked([octets(coded + lastChunk([]))]),
      { body: whole.body, outcome: 'trailers', at: coded.length + 3 },
      'the body, coded again',
    )
    return kindOf(whole.outcome)
  },
}

const SIZE_LINE = /^([0-9a-f]{1,16})(?:;(?:[^"\r]|"(?:[^"\\\r]|\\[^\r])*")*)?\r\n/i

/**
 * The body of a complete chunked coding, read by a pattern, a chunk at a time; undefined where it is none, or where its
 * extensions are longer than what is read of them.
 */
function plainly(text: string): string | undefined {
  let body = ''
  let extensionBytes = 0
  for (let rest = text; ; ) {
    const [line, size = ''] = SIZE_LINE.exec(rest) ?? []
    if (line === undefined || /[^\t\x20-\x7e\x80-\xff]/.test(line.slice(0, -2))) return undefined
    extensionBytes += Math.max(0, line.length - size.length - ';\r\n'.length)
    if (extensionBytes > LIMITS.chunkExtensionBytes) return undefined
    const length = Number.parseInt(size, 16)
    if (length === 0) return body
    body += rest.slice(line.length, line.length + length)
    rest = rest.slice(line.length + length)
    if (!rest.startsWith('\r\n')) return undefined
    rest = rest.slice(2)
  }
}

/** The body; how its reading ended; where the trailer section begins. */
export function readChunked(pieces: readonly Buffer[]): { body: string; outcome: string; at: number } {
  const decoder = new BodyDecoder()
  decoder.startChunked()
  let body = ''
  let before = 0
  for (const piece of pieces) {
    for (let at = 0; ; ) {
      const step = decoder.read(piece, at, piece.length)
      if (step === 'violation') return { body, outcome: decoder.problem, at: -1 }
      assert(decoder.at >= at && decoder.at <= piece.length, 'reading goes on, and not past the end')
      at = decoder.at
      if (step === 'piece') body += piece.toString('latin1', decoder.from, decoder.to)
      else if (step === 'trailers') return { body, outcome: step, at: before + at }
      else {
        assert.equal(step, 'need-more')
        assert.equal(at, piece.length, 'nothing is left when more is wanted')
        break
      }
    }
    before += piece.length
  }
  return { body, outcome: 'need-more', at: -1 }
}
