import type { ManifestProblem } from './manifest-problem.ts'
import type { ManifestSource } from './manifest-source.ts'
import { pathText, type ShapeProblem } from './shape-problems.ts'

/** A problem of a document's shape, with its place in the file. */
export function locateProblem(
  problem: ShapeProblem,
  source: ManifestSource | undefined,
  subject: string | undefined,
): ManifestProblem {
  const { path, ...rest } = problem
  return {
    file: source?.file ?? '(stored)',
    document: source?.document ?? 0,
    line: source?.lineOf(path) ?? 0,
    subject,
    path: pathText(path),
    ...rest,
  }
}
