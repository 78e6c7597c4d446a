import type { Result } from '../../certs/result.ts'
import { type MetricRegistry, wantsOpenMetrics } from '../telemetry/metrics.ts'
import { type LocalAnswer, type LocalServer, listenLocal } from './local-server.ts'

/** Why the sidecar is not ready; undefined when it is. */
export type ReadyCheck = () => string | undefined

/** What the probe port shows. */
export interface ProbeSources {
  readonly metrics: Pick<MetricRegistry, 'expose'>
  readonly ready: ReadyCheck
}

/**
 * The port of Prometheus and the kubelet: `/metrics`, `/ready`, `/live`. Open to the pod's network, so it shows numbers
 * and changes nothing.
 */
export function startProbeServer(
  address: { readonly host: string; readonly port: number },
  sources: ProbeSources,
): Promise<Result<LocalServer, string>> {
  const expose = onceATurn(sources.metrics)
  return listenLocal({
    ...address,
    flag: '--probes',
    routes: {
      'GET /metrics': (request) => {
        const { body, contentType } = expose(request.headers.accept)
        return { status: 200, body, contentType }
      },
      'GET /ready': (): LocalAnswer => {
        const reason = sources.ready()
        return reason === undefined ? { status: 200, body: 'ready\n' } : { status: 503, body: `${reason}\n` }
      },
      // Alive means that the event loop turns; a restart helps nothing else.
      'GET /live': () => ({ status: 200, body: 'live\n' }),
    },
  })
}

/** Anybody may ask, on many connections at once: those that ask in one turn of the event loop get the same text. */
export function onceATurn(metrics: ProbeSources['metrics']): ProbeSources['metrics']['expose'] {
  const told = new Map<boolean, ReturnType<ProbeSources['metrics']['expose']>>()
  return (accept) => {
    const known = told.get(wantsOpenMetrics(accept))
    if (known !== undefined) return known
    if (told.size === 0) setImmediate(() => told.clear())
    const text = metrics.expose(accept)
    told.set(wantsOpenMetrics(accept), text)
    return text
  }
}
