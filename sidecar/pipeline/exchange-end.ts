import type { MeshError } from '../core/mesh-errors.ts'

/** How an exchange ended, for the records. */
export interface ExchangeEnd {
  /** Status that the caller got; 0 when it got none. */
  readonly status: number
  /** What went wrong, if anything did. */
  readonly error: MeshError | undefined
  readonly durationMs: number
}
