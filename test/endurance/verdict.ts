import type { Outcome } from './callers/caller.ts'
import type { CutPlan } from './cut-plan.ts'
import type { Edge, Kind } from './kinds.ts'
import type { Parcel } from './parcel.ts'
import type { Receipt } from './receipt.ts'

/** Where a connection is cut. */
export type Hop = Edge | 'link'

/** A cut that an exchange may have met. */
export interface SeenCut {
  readonly hop: Hop
  readonly plan: CutPlan
}

/** All that is known of one exchange when it is over. */
export interface Case {
  readonly kind: Kind
  readonly parcel: Parcel
  readonly outcome: Outcome
  readonly cuts: readonly SeenCut[]
  /** For people: what was done to it. */
  readonly story: string
}

/** Whether a connection's end may have been taken for the end of the message, by whoever cannot tell. */
function mayHaveEnded(cuts: readonly SeenCut[], direction: 'up' | 'down', edges: readonly Hop[] = []): boolean {
  return cuts.some(
    ({ hop, plan: { how, direction: cutDirection } }) =>
      edges.includes(hop) && (how === 'end' || (how === 'end-one-way' && cutDirection === direction)),
  )
}

/** What is wrong with what one receiver got. */
function wrongWith(receipt: Receipt, who: string, isEndEnough: boolean): readonly string[] {
  if (receipt.isAltered) return [`${who} got octets that were not sent: ${receipt}`]
  const isTruncated = receipt.ending === 'whole' && !receipt.isComplete && !isEndEnough
  return isTruncated ? [`${who} took a part for the whole: ${receipt}`] : []
}

/** What is wrong with an exchange: nothing, when everybody got all of it or saw that something broke. */
export function judge({ kind, parcel, outcome, cuts }: Case, receipts: readonly Receipt[]): readonly string[] {
  const wrong: string[] = []
  if (outcome.kind === 'hung') wrong.push(`the caller hears nothing: ${outcome.detail}`)
  if (outcome.receipt !== undefined)
    wrong.push(...wrongWith(outcome.receipt, 'the caller', mayHaveEnded(cuts, 'down', kind.answerEndsBy)))
  for (const receipt of receipts) {
    wrong.push(...wrongWith(receipt, 'the application', mayHaveEnded(cuts, 'up', kind.requestEndsBy)))
    if (receipt.ending === 'open') wrong.push(`the application never hears of the end: ${receipt}`)
  }
  if (!kind.isIdempotent && receipts.length > 1)
    wrong.push(`parcel ${parcel.id} reached the application ${receipts.length} times`)
  return wrong
}
