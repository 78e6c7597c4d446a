import type { AuthorizationPolicy, AuthorizationResource } from '../config/resources.ts'
import { type MeshError, meshError } from '../core/mesh-errors.ts'
import { otherReadings } from '../http/path-readings.ts'
import {
  type CompiledAuthorizationRule,
  type CompiledPolicy,
  compiledAuthorization,
  type SkippedStep,
} from './compiled-authorization.ts'
import type { RequestFacts } from './decision.ts'
import { toManifestName, toRuleName } from './describe.ts'
import {
  callerOf,
  describeAuthorizationFailure,
  firstAuthorizationFailure,
  type Question,
} from './match-authorization.ts'
import type { Recorder } from './trace-step.ts'

/** The policy and rule that allowed a request; undefined when it was the default. */
export interface Grant {
  readonly policy: string | undefined
}

/**
 * Whether the caller may send this request to the application at `appPort`: DENY policies first, then ALLOW; with any ALLOW
 * policy what none allows is denied, else the default holds. AUDIT policies are only recorded.
 */
export function authorize(
  resource: AuthorizationResource,
  facts: RequestFacts,
  appPort: number,
  recorder: Recorder,
): Grant | MeshError {
  const { deny, allow, audit, defaultAction } = compiledAuthorization(resource)
  const mark = facts.path.indexOf('?')
  const pathname = mark < 0 ? facts.path : facts.path.slice(0, mark)
  const readings = otherReadings(pathname)
  const refusal: Question = { facts, appPort, pathname, readings, isGrant: false }
  if (recorder.isOn) for (const policy of audit) findMatch([policy], refusal, recorder)
  // Aloud, every rule says why it did not match.
  const denied = findMatch(recorder.isOn ? deny.all : deny.of(facts.caller), refusal, recorder)
  if (denied !== undefined) return refuse(`${denied} denies it to the caller ${callerOf(facts)}`, denied, recorder)
  if (allow.all.length > 0) {
    const grant: Question = { facts, appPort, pathname, readings, isGrant: true }
    const allowed = findMatch(recorder.isOn ? allow.all : allow.of(facts.caller), grant, recorder)
    if (allowed === undefined)
      return refuse(whyNoneAllows(allow.all, grant), toManifestName(firstOf(allow.all)), recorder)
    return accept(allowed, recorder)
  }
  if (defaultAction === 'ALLOW') return accept(undefined, recorder)
  return refuse(`no policy allows the caller ${callerOf(facts)}, and the default is to deny`, undefined, recorder)
}

/** Name of the first rule that matches. */
function findMatch(policies: readonly CompiledPolicy[], question: Question, recorder: Recorder): string | undefined {
  for (const { policy, rules } of policies) {
    for (const compiled of rules) {
      const failure = firstAuthorizationFailure(compiled, question)
      const { rule } = compiled.rule
      if (failure === undefined) {
        if (recorder.isOn) {
          recorder.record({
            step: 'policy-matched',
            policy: toManifestName(policy.origin),
            rule,
            action: policy.action,
          })
        }
        return toRuleName(policy.origin, rule)
      }
      if (!recorder.isOn) continue
      const because = describeAuthorizationFailure(compiled, question, failure)
      recorder.record(toSkippedStep(policy, compiled, because))
    }
  }
  return undefined
}

/** The same object as the last time where it says the same: decisions that are kept would else hold one each for each rule. */
function toSkippedStep(policy: AuthorizationPolicy, compiled: CompiledAuthorizationRule, because: string): SkippedStep {
  if (compiled.lastSkip?.because !== because) {
    const { rule } = compiled.rule
    compiled.lastSkip = { step: 'policy-skipped', policy: toManifestName(policy.origin), rule, because }
  }
  return compiled.lastSkip
}

/** Why the first rule that could have allowed it did not, and how many more there are. */
function whyNoneAllows(allow: readonly CompiledPolicy[], question: Question): string {
  let first: string | undefined
  let count = 0
  for (const { policy, rules } of allow) {
    for (const compiled of rules) {
      count++
      if (first !== undefined) continue
      const failure = firstAuthorizationFailure(compiled, question)
      if (failure === undefined) continue
      const because = describeAuthorizationFailure(compiled, question, failure)
      first = `${toRuleName(policy.origin, compiled.rule.rule)}: ${because}`
    }
  }
  if (first === undefined) return `no policy allows it: ${toManifestName(firstOf(allow))} has no rules`
  return `no policy allows it: ${first}${count > 1 ? `; nor does any of ${count - 1} more` : ''}`
}

const firstOf = (policies: readonly CompiledPolicy[]): CompiledPolicy['policy']['origin'] =>
  policies[0]?.policy.origin ?? { kind: 'implicit', namespace: '', name: '' }

/** Allowed by default: shared. */
const BY_DEFAULT: Grant = { policy: undefined }

function accept(policy: string | undefined, recorder: Recorder): Grant {
  if (recorder.isOn) {
    recorder.record({
      step: 'authorization',
      verdict: 'allowed',
      because: policy ?? 'no ALLOW policy exists, and the default is to allow',
    })
  }
  return policy === undefined ? BY_DEFAULT : { policy }
}

function refuse(detail: string, policy: string | undefined, recorder: Recorder): MeshError {
  if (recorder.isOn) recorder.record({ step: 'authorization', verdict: 'denied', because: detail })
  return meshError('denied', detail, policy)
}
