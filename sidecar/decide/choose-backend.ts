import type { RouteBackend } from '../config/resources.ts'
import { type MeshError, meshError } from '../core/mesh-errors.ts'
import type { Random } from '../core/random.ts'
import type { CompiledRule } from './compiled-service.ts'
import { toRuleName } from './describe.ts'
import type { Recorder } from './trace-step.ts'

/**
 * One of the rule's backends, by weight; chance is asked only when there is a choice.
 * The share of an invalid backend is refused, and so is everything when no backend has weight
 * (Gateway API, HTTPRouteRule.backendRefs: 500).
 */
export function chooseBackend(compiled: CompiledRule, random: Random, recorder: Recorder): RouteBackend | MeshError {
  const { rule, totalWeight } = compiled
  const backend = byWeight(rule.backends, totalWeight, random)
  if (backend === undefined) {
    const name = toRuleName(rule.origin, rule.rule)
    const why = rule.backends.length === 0 ? 'has no backend' : 'gives no backend any weight'
    if (recorder.isOn) recorder.record({ step: 'backend-invalid', service: '', because: `${name} ${why}` })
    return meshError('invalid-backend', `${name} ${why}`, name)
  }
  if (backend.invalid !== undefined) {
    const name = toRuleName(rule.origin, rule.rule)
    if (recorder.isOn) recorder.record({ step: 'backend-invalid', service: backend.service, because: backend.invalid })
    return meshError('invalid-backend', `${name}: backend ${backend.service}:${backend.port}: ${backend.invalid}`, name)
  }
  if (recorder.isOn) {
    const { service, port, weight } = backend
    recorder.record({ step: 'backend-chosen', service, port, weight, ofTotal: totalWeight })
  }
  return backend
}

function byWeight(backends: readonly RouteBackend[], totalWeight: number, random: Random): RouteBackend | undefined {
  if (totalWeight === 0) return undefined
  const first = backends[0]
  if (first?.weight === totalWeight) return first
  let left = random() * totalWeight
  let last: RouteBackend | undefined
  for (let i = 0; i < backends.length; i++) {
    const backend = backends[i] as RouteBackend
    if (backend.weight === 0) continue
    if (left < backend.weight) return backend
    left -= backend.weight
    last = backend
  }
  return last // where rounding left a crumb behind the last one
}
