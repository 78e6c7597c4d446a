/** One thing wrong with a manifest, with where it stands in the file it came from. */
export interface ManifestProblem {
  /** Name of the file; `(stored)` for a manifest that came from no file. */
  readonly file: string
  /** Number of the document in the file, from 1; 0 where it concerns the file as a whole. */
  readonly document: number
  /** From 1; 0 where it is not known. */
  readonly line: number
  /** `HTTPRoute shop/orders`, as far as it can be told. */
  readonly subject: string | undefined
  /** `spec.rules[0].backendRefs[1].weight`; empty for the document as a whole. */
  readonly path: string
  /** What is wrong, to be read after the path: `is not a known field (did you mean "weight"?)`. */
  readonly problem: string
  /** What was found. */
  readonly found?: string
  readonly allowed?: string
}
