import type { ManifestProblem } from './manifest-problem.ts'

/**
 * A problem as one paragraph that says file, line, document, field, what was found and what is allowed:
 * `routes.yaml:14 (document 2, HTTPRoute shop/orders): spec.rules[0].backendRefs[1].weight has a value that is not allowed; found -1; allowed: an integer from 0 to 1000000.`
 */
export function formatProblem(problem: ManifestProblem): string {
  const place = problem.line > 0 ? `${problem.file}:${problem.line}` : problem.file
  const about = [
    ...(problem.document > 0 ? [`document ${problem.document}`] : []),
    ...(problem.subject === undefined ? [] : [problem.subject]),
  ]
  const subject = about.length === 0 ? place : `${place} (${about.join(', ')})`
  const found = problem.found === undefined ? '' : `; found ${problem.found}`
  const allowed = problem.allowed === undefined ? '' : `; allowed: ${problem.allowed}`
  return `${subject}: ${problem.path === '' ? 'the document' : problem.path} ${problem.problem}${found}${allowed}.`
}
