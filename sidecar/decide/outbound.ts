import type { RouteBackend, ServiceResource, TrafficSettings } from '../config/resources.ts'
import { type MeshError, meshError } from '../core/mesh-errors.ts'
import { chooseBackend } from './choose-backend.ts'
import { type CompiledRule, compiledService } from './compiled-service.ts'
import type { AttemptPlan, Decision, ForwardEdits, RequestFacts, World } from './decision.ts'
import { quote, toManifestName, toRuleName } from './describe.ts'
import { findPort, findService } from './find-service.ts'
import { isIdempotent, whyIdempotent } from './idempotency.ts'
import { describeFailure, describeMatch, firstFailure, MATCHES } from './match-rule.ts'
import { editPath } from './path-edit.ts'
import { NONE_TRIED, pickEndpoint } from './pick-endpoint.ts'
import { redirect } from './redirect.ts'
import { requestTimeoutMs, responseTimeoutMs, saidTimeoutMs } from './request-timeout.ts'
import type { Recorder } from './trace-step.ts'

/** Where a request that leaves our application goes: service, rule, backend, endpoint. */
export function decideOutbound(facts: RequestFacts, world: World, recorder: Recorder): Decision {
  const service = findService(facts, world, recorder)
  if ('code' in service) return refuse(service)
  const port = findPort(service, facts)
  if (port === undefined) return refuse(noSuchPort(service, facts))
  const compiled = findRule(service, facts, port, recorder)
  if ('code' in compiled) return refuse(compiled)
  const needsHttp = facts.method === 'CONNECT' ? whyHttp(compiled, service, port) : undefined
  if (needsHttp !== undefined) return refuse(needsHttp)
  if (compiled.rule.filters.redirect !== undefined) return redirect(compiled.rule.filters.redirect, compiled, facts)
  const backend = chooseBackend(compiled, world.random, recorder)
  if ('code' in backend) return refuse(backend)
  return forward(compiled, backend, service, facts, world, recorder)
}

/** A route for requests holds for a port that may speak HTTP: what is carried as it is would go past it. */
function whyHttp({ rule }: CompiledRule, service: ServiceResource, port: number): MeshError | undefined {
  if (rule.origin.kind !== 'HTTPRoute') return undefined
  if (service.ports.find((one) => one.port === port)?.protocol !== 'auto') return undefined
  const name = toRuleName(rule.origin, rule.rule)
  const detail = `${name} routes requests of HTTP, and this is a connection of another protocol to ${service.name}:${port}, whose appProtocol is not declared`
  return meshError('no-route', detail, name)
}

/** The first rule that matches: the list is in order of precedence. */
function findRule(
  service: ServiceResource,
  facts: RequestFacts,
  port: number,
  recorder: Recorder,
): CompiledRule | MeshError {
  const mark = facts.path.indexOf('?')
  const pathname = mark < 0 ? facts.path : facts.path.slice(0, mark)
  const { rules } = compiledService(service)
  for (let i = 0; i < rules.length; i++) {
    const compiled = rules[i] as CompiledRule
    const failure = firstFailure(compiled, facts, pathname, port)
    if (recorder.isOn) {
      const route = toManifestName(compiled.rule.origin)
      const rule = compiled.rule.rule
      if (failure === MATCHES) recorder.record({ step: 'route-matched', route, rule, match: describeMatch(compiled) })
      else {
        const because = describeFailure(compiled, facts, { pathname, port }, failure)
        recorder.record({ step: 'route-rejected', route, rule, because })
      }
    }
    if (failure === MATCHES) return compiled
  }
  return noRule(service, rules, facts, { pathname, port })
}

function noRule(
  service: ServiceResource,
  rules: readonly CompiledRule[],
  facts: RequestFacts,
  request: { readonly pathname: string; readonly port: number },
): MeshError {
  const first = rules[0]
  if (first === undefined) return meshError('no-route', `service ${service.name} has no route rule`)
  const name = toRuleName(first.rule.origin, first.rule.rule)
  const because = describeFailure(first, facts, request, firstFailure(first, facts, request.pathname, request.port))
  const more = rules.length > 1 ? `; nor does any of ${rules.length - 1} more` : ''
  return meshError('no-route', `no rule of service ${service.name} matches: ${name}: ${because}${more}`, name)
}

function forward(
  compiled: CompiledRule,
  backend: RouteBackend,
  addressed: ServiceResource,
  facts: RequestFacts,
  world: World,
  recorder: Recorder,
): Decision {
  const service = backend.service
  const traffic = world.snapshot.services.get(service)?.traffic ?? addressed.traffic
  const full = checkBreaker(service, traffic, world, recorder)
  if (full !== undefined) return refuse(full)
  const endpoint = pickEndpoint({ service, port: backend.port, traffic, tried: NONE_TRIED }, world, recorder)
  if ('code' in endpoint) return refuse(endpoint)
  const { retry, perTryTimeoutMs } = compiled
  const saidMs = saidTimeoutMs(facts)
  const edits = compiled.isRewriting ? rewrittenEdits(compiled, facts) : compiled.edits
  const plan: AttemptPlan = {
    facts,
    service,
    port: backend.port,
    route: compiled.rule,
    traffic,
    retry,
    attempt: 1,
    tried: [endpoint.id],
    requestTimeoutMs: requestTimeoutMs(compiled, saidMs),
    responseTimeoutMs: responseTimeoutMs(compiled, saidMs),
    perTryTimeoutMs,
    isIdempotent: isIdempotent(facts, retry),
    edits,
  }
  if (recorder.isOn) describePlan(plan, recorder)
  return { kind: 'forward', endpoint, plan, edits, delayMs: 0 }
}

/** The breaker goes by the backend's settings. A further try does not ask again: its exchange is counted already. */
function checkBreaker(
  service: string,
  traffic: TrafficSettings,
  world: World,
  recorder: Recorder,
): MeshError | undefined {
  const { maxRequests } = traffic.circuitBreaker
  if (world.load.serviceInFlight(service) < maxRequests) return undefined
  if (recorder.isOn) recorder.record({ step: 'limit-reached', service, limit: 'maxRequests', value: maxRequests })
  const policy = toManifestName(traffic.origin)
  return meshError('circuit-open', `${service} has ${maxRequests} exchanges in flight, the limit of ${policy}`, policy)
}

function rewrittenEdits(compiled: CompiledRule, facts: RequestFacts): ForwardEdits {
  const { request, response, rewrite } = compiled.rule.filters
  return {
    authority: rewrite?.hostname,
    path: rewrite?.path === undefined ? undefined : editPath(facts.path, rewrite.path, compiled),
    request,
    response,
  }
}

function describePlan(plan: AttemptPlan, recorder: Recorder): void {
  const { facts, retry } = plan
  recorder.record({
    step: 'timeouts',
    requestMs: plan.requestTimeoutMs,
    responseMs: plan.responseTimeoutMs,
    perTryMs: plan.perTryTimeoutMs,
  })
  const why = whyIdempotent(facts, retry)
  recorder.record({
    step: 'retry-plan',
    attempts: retry.attempts,
    on: [
      'connect-failure',
      'refused',
      ...(why === undefined ? [] : ['reset', 'timeout', ...retry.statuses.map(String)]),
    ],
    isIdempotent: why !== undefined,
    because: why ?? `method ${facts.method} is not idempotent: only what was provably not processed is repeated`,
  })
}

function noSuchPort(service: ServiceResource, facts: RequestFacts): MeshError {
  const ports = service.ports.map(({ port }) => port).join(', ')
  const asked = facts.port ?? quote(facts.authority)
  return meshError('no-route', `service ${service.name} has no port ${asked}; it has ${ports}`)
}

const refuse = (error: MeshError): Decision => ({ kind: 'refuse', error })
