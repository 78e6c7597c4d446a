import assert from 'node:assert/strict'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import type { RequestDecoder } from '../../../sidecar/http1/request-decoder.ts'
import type { ResponseDecoder } from '../../../sidecar/http1/response-decoder.ts'
import type { Transcript } from '../../sidecar/http1/transcript.ts'
import { assertAlike, someCuts } from '../cuts.ts'

/** What is written with a head and need not have been in it: its host, and its framing. */
const ADDED_FIELDS = 2

/** Whether a head may be one that is refused when it is written again, with what is added to it. */
export const isAtLimit = (fields: readonly string[], text: string): boolean =>
  fields.length / 2 + ADDED_FIELDS > LIMITS.headerCount ||
  text.length + 32 * (fields.length / 2 + ADDED_FIELDS) > LIMITS.headerListBytes

/** Ends any head. */
const HEAD_END = Buffer.from('\r\n\r\n')

/**
 * A whole read may see a fault in a head that is not complete; in pieces it is seen when the head is. Up to it both say
 * the same, and once the head has an end both find a fault; of two faults in one head it may be the other one.
 */
export function assertSameReading(input: Buffer, read: (pieces: readonly Buffer[]) => Transcript): Transcript {
  const whole = read([input])
  for (const pieces of someCuts(input)) {
    const cut = read(pieces)
    assertAlike(cut.steps, whole.steps, 'the steps of a cut input')
    if (cut.error !== undefined)
      assert(whole.error !== undefined, `a cut input fails, ${cut.error}, and the whole one does not`)
    else if (whole.error !== undefined)
      assert(
        read([...pieces, HEAD_END]).error !== undefined,
        `a cut input is taken that is refused whole, ${whole.error}`,
      )
  }
  return whole
}

/** Each step must come of an octet, and no more than one head may be held. Reads until the decoder wants no more. */
export function assertBounded(
  decoder: RequestDecoder | ResponseDecoder,
  pieces: readonly Buffer[],
  onHead: () => void,
): void {
  let steps = 0
  let bytes = 0
  for (const piece of pieces) {
    decoder.push(piece)
    bytes += piece.length
    for (;;) {
      const step = decoder.next()
      steps++
      if (step === 'violation') return
      if (step === 'need-more') break
      if (step === 'head') onHead()
      assert(steps <= 2 * bytes + pieces.length + 8, 'a step that comes of no octet')
    }
    decoder.retain()
    assert(decoder.unreadBytes <= LIMITS.headerListBytes, 'no more than a head is held')
  }
}
