import { LIMITS } from '../core/limits.ts'
import { type MeshError, meshError } from '../core/mesh-errors.ts'
import type { Fields } from '../http/head.ts'
import { HOPS_FIELD } from '../http/header-rules.ts'
import { canonicalPath } from '../http/path.ts'
import type { RequestFacts } from './decision.ts'
import { quote } from './describe.ts'

/** What is wrong with a request wherever it goes: a loop, or a path that policy and callee could read differently. */
export function checkRequest(facts: RequestFacts): MeshError | undefined {
  const hops = hopsOf(facts.fields)
  if (hops > LIMITS.hopCount) return meshError('loop', `the request has passed more than ${LIMITS.hopCount} sidecars`)
  if (facts.method === 'CONNECT' || canonicalPath(facts.path) === facts.path) return undefined
  return meshError('bad-request', `path ${quote(facts.path)} is not in canonical form`)
}

/** The largest count that the request claims. What is no count counts as too large: only a forger writes it. */
export function hopsOf(fields: Fields): number {
  let hops = 0
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] === HOPS_FIELD) hops = Math.max(hops, toCount(fields[i + 1] as string))
  }
  return hops
}

const toCount = (text: string): number => (/^[0-9]{1,4}$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY)
