import assert from 'node:assert/strict'
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
    if (whole.outcome === 'trailers') {
      // A pattern that says the same as the state machine, for what has no extension and no size of many digits.
      const plain = /^(?:([0-9a-fA-F]{1,3})\r\n)/.exec(input.toString('latin1'))
      if (plain !== null)
        assert(
          whole.body.startsWith(
            input.toString('latin1', plain[0].length, plain[0].length + Number.parseInt(plain[1] ?? '', 16)),
          ),
        )
    }
    const coded = whole.body === '' ? '' : `${chunkHead(whole.body.length)}${whole.body}${CHUNK_END}`
    assertAlike(
      readChunked([octets(coded + lastChunk([]))]),
      { body: whole.body, outcome: 'trailers', at: coded.length + 3 },
      'the body, coded again',
    )
    return kindOf(whole.outcome)
  },
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
