import type { RouteRule } from '../config/resources.ts'
import type { Clock } from '../core/clock.ts'
import { errorFacts } from '../core/mesh-errors.ts'
import type { WireRefusal } from '../http/streams.ts'
import type { ExchangeRecord } from '../telemetry/exchange-record.ts'
import type { Exchange } from './exchange.ts'
import type { ExchangeEnd } from './exchange-end.ts'

/** The route as metrics, log and traces call it: the manifest's name, `implicit` where none says anything, '' without one. */
export const routeLabel = (route: RouteRule | undefined): string =>
  route === undefined ? '' : route.origin.kind === 'implicit' ? 'implicit' : route.origin.name

/** Makes the one record of an exchange, when it has ended. */
export function toRecord(
  direction: 'inbound' | 'outbound',
  exchange: Exchange,
  end: ExchangeEnd,
  clock: Clock,
): ExchangeRecord {
  const { head, notes, stream } = exchange
  const { endpoint, route, trace } = notes
  return {
    direction,
    startMs: clock.wallMs() - end.durationMs,
    durationMs: end.durationMs,
    method: head.method,
    path: head.path,
    authority: head.authority,
    protocol: stream.protocol,
    status: end.status,
    grpcStatus: exchange.grpcStatus,
    flag: end.error === undefined ? '-' : errorFacts(end.error.code).flag,
    code: end.error?.code,
    service: notes.service,
    route: routeLabel(route),
    endpoint:
      endpoint === undefined ? (notes.appPort > 0 ? `:${notes.appPort}` : '') : `${endpoint.address}:${endpoint.port}`,
    peerAddress: stream.peerAddress,
    peerIdentity: notes.peerIdentity,
    attempts: exchange.attempts,
    requestBytes: exchange.requestBytes,
    responseBytes: exchange.responseBytes,
    traceId: trace?.sampled === true ? trace.traceId : undefined,
    policy: end.error?.policy ?? notes.policy,
  }
}

/** The record of what never was an exchange: its wire refused it, and could not tell what was asked for. */
export function toRefusalRecord(
  direction: 'inbound' | 'outbound',
  { error, protocol, status, peerAddress }: WireRefusal,
  known: Partial<Pick<ExchangeRecord, 'service' | 'peerIdentity'>>,
  clock: Clock,
): ExchangeRecord {
  return {
    direction,
    startMs: clock.wallMs(),
    durationMs: 0,
    method: '',
    path: '',
    authority: '',
    protocol,
    status,
    flag: errorFacts(error.code).flag,
    code: error.code,
    service: '',
    route: '',
    endpoint: '',
    peerAddress,
    peerIdentity: '',
    attempts: 0,
    requestBytes: 0,
    responseBytes: 0,
    ...known,
  }
}
