import type { Decision } from '../../sidecar/decide/decision.ts'
import type { TraceStep } from '../../sidecar/decide/trace-step.ts'
import type { DecidedHalf, Explanation } from './explain-request.ts'

/** An explanation for a person: the answer first, then how it came to it, half by half. */
export function renderExplanation(explanation: Explanation): string {
  const { outbound, inbound } = explanation
  const lines = [answerOf(explanation), '', `leaving ${outbound.workload}`, ...stepsOf(outbound)]
  if (inbound !== undefined) lines.push('', `arriving at ${inbound.workload}`, ...stepsOf(inbound))
  return lines.join('\n')
}

/** The one line that a person needs. */
function answerOf({ request, outbound, inbound }: Explanation): string {
  const what =
    request.method === 'TCP'
      ? `a connection to ${request.authority}, which is carried as it is,`
      : `${request.method} http://${request.authority}${request.path}`
  const { decision } = outbound
  if (decision.kind === 'refuse')
    return `✘ ${what} is refused by ${outbound.workload}'s sidecar: ${decision.error.code}: ${decision.error.detail}`
  if (decision.kind === 'answer')
    return `↩ ${what} is answered by ${outbound.workload}'s sidecar with ${decision.response.status}`
  if (decision.kind !== 'forward') return `? ${what}: ${decision.kind}`
  const { plan, endpoint } = decision
  const goes = `${plan.service}:${plan.port} at ${endpoint.id}`
  if (inbound?.decision.kind === 'refuse') {
    const { error } = inbound.decision
    const policy = error.policy === undefined ? '' : ` (${error.policy})`
    return `✘ ${what} goes to ${goes} and is refused there: ${error.code}${policy}: ${error.detail}`
  }
  const then =
    inbound !== undefined
      ? ' and is let in'
      : endpoint.transport === 'plain'
        ? ', which has no sidecar'
        : `, whose sidecar decides further: ${endpoint.workload} is not connected to this control plane`
  return `✔ ${what} goes to ${goes}${then}`
}

const stepsOf = (half: DecidedHalf): string[] => [
  ...half.steps.map((step) => `  ${lineOf(step)}`),
  `  ⇒ ${outcomeOf(half.decision)}`,
]

function lineOf(step: TraceStep): string {
  switch (step.step) {
    case 'service-found':
      return `service ${step.service}, found by ${step.by}`
    case 'service-missing':
      return `no service is called "${step.host}"; known: ${step.known.join(', ') || 'none'}`
    case 'route-rejected':
      return `✘ route ${step.route} rule ${step.rule}: ${step.because}`
    case 'route-matched':
      return `✔ route ${step.route} rule ${step.rule}: ${step.match}`
    case 'backend-chosen':
      return `backend ${step.service}:${step.port}, weight ${step.weight} of ${step.ofTotal}`
    case 'backend-invalid':
      return `✘ backend ${step.service}: ${step.because}`
    case 'endpoint-rejected':
      return `✘ endpoint ${step.endpoint}: ${step.because}`
    case 'endpoint-considered':
      return `endpoint ${step.endpoint} at ${step.address}${step.cost > 0 ? `, cost ${step.cost.toFixed(3)}` : ''}`
    case 'endpoint-picked':
      return `✔ endpoint ${step.endpoint} at ${step.address}, by ${step.balancer}`
    case 'panic':
      return `too many endpoints of ${step.service} are ejected (${step.ejected} of ${step.of}): all are used`
    case 'limit-reached':
      return `✘ ${step.limit} of ${step.service} is reached: ${step.value}`
    case 'policy-skipped':
      return `✘ ${step.policy} rule ${step.rule}: ${step.because}`
    case 'policy-matched':
      return `✔ ${step.policy} rule ${step.rule}: ${step.action}`
    case 'authorization':
      return `authorization: ${step.verdict}: ${step.because}`
    case 'retry-plan':
      return `retries: ${step.attempts === 0 ? 'none' : `up to ${step.attempts}, on ${step.on.join(', ')}`}; ${step.because}`
    case 'retry-decided':
      return `try ${step.attempt}: ${step.because}`
    case 'retry-refused':
      return `no further try: ${step.because}`
    case 'timeouts':
      return `timeouts: request ${timeout(step.requestMs)}, response ${timeout(step.responseMs)}, each try ${timeout(step.perTryMs)}`
  }
}

const timeout = (ms: number): string => (ms === 0 ? 'none' : `${ms} ms`)

function outcomeOf(decision: Decision): string {
  switch (decision.kind) {
    case 'forward':
      return `forward to ${decision.endpoint.address}:${decision.endpoint.port}${decision.endpoint.identity === undefined ? ' without TLS' : ` under mutual TLS, where only ${decision.endpoint.identity} is believed`}`
    case 'deliver':
      return `deliver to the application's port ${decision.appPort}`
    case 'answer':
      return `answer with ${decision.response.status}`
    case 'refuse':
      return `refuse with ${decision.error.code}: ${decision.error.detail}`
    case 'relay':
      return 'pass the answer on'
  }
}
