import type { ShapeProblem } from '../policy/shape-problems.ts'

/** What is wrong with a manifest among the others. */
export interface Finding extends ShapeProblem {
  /** `error`: must not be applied. `warning`: works, but hardly as meant. */
  readonly severity: 'error' | 'warning'
}
