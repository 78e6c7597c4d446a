import { downOctets, type Parcel, upOctets } from '../parcel.ts'
import { Receipt } from '../receipt.ts'

/** What a caller is told: where to connect, and what to send and expect. */
export interface Errand {
  readonly port: number
  readonly parcel: Parcel
}

/**
 * What came of an errand, in the words of the caller's own library: `served` by the application, `refused` with an answer
 * that says so, `broken` before an answer, or `hung`.
 */
export interface Outcome {
  readonly kind: 'served' | 'refused' | 'broken' | 'hung'
  /** Of an answer that was served. */
  readonly receipt?: Receipt
  /** For people: a status, an error code. */
  readonly detail: string
}

export type Caller = (errand: Errand) => Promise<Outcome>

/** An answer that does not come in this time never does: all timeouts of the mesh are shorter. */
export const PATIENCE_MS = 60_000

export const broken = (error: unknown): Outcome => ({
  kind: 'broken',
  detail: error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error),
})
export const expecting = (parcel: Parcel): Receipt => new Receipt(downOctets(parcel))
export { upOctets }

/** Races an outcome against patience; `giveUp` ends what hangs. */
export function patiently(start: (resolve: (outcome: Outcome) => void) => () => void): Promise<Outcome> {
  return new Promise((resolve) => {
    let isOver = false
    let giveUp = (): void => undefined
    const timer = setTimeout(() => {
      end({ kind: 'hung', detail: `nothing for ${PATIENCE_MS} ms` })
      giveUp()
    }, PATIENCE_MS)
    const end = (outcome: Outcome): void => {
      if (isOver) return
      isOver = true
      clearTimeout(timer)
      resolve(outcome)
    }
    giveUp = start(end)
  })
}
