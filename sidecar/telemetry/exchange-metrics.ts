import type { GrpcStatus } from '../http/grpc-status.ts'
import type { ExchangeRecord } from './exchange-record.ts'
import type { HistogramSeries, ValueSeries } from './metric-series.ts'
import type { MetricSet } from './metrics.ts'
import type { SIDECAR_METRICS } from './sidecar-metrics.ts'

/** The families of `SIDECAR_METRICS`. */
export type SidecarMetrics = MetricSet<typeof SIDECAR_METRICS>

/** What was looked up once for all exchanges of one direction, service and route (inbound: peer). */
interface Resolved {
  /** Durations by status, for exchanges without a flag: the common case is an index. */
  readonly durations: (HistogramSeries | undefined)[]
  /** The same of gRPC, by its own status, with HTTP's 200. */
  readonly grpcDurations: Map<GrpcStatus, HistogramSeries>
  readonly requestBytes: ValueSeries
  readonly responseBytes: ValueSeries
  readonly retries: ValueSeries
}

/** How many combinations are kept resolved; the families bound their series by themselves. */
const RESOLVED_COUNT = 2_000

/** Counts finished exchanges: two map lookups and a few additions for each. */
export class ExchangeMetrics {
  readonly #metrics: SidecarMetrics
  readonly #outbound = new Map<string, Map<string, Resolved>>()
  readonly #inbound = new Map<string, Map<string, Resolved>>()
  #resolvedCount = 0

  constructor(metrics: SidecarMetrics) {
    this.#metrics = metrics
  }

  /** Counts one exchange. Called once, when it has ended. */
  record(exchange: ExchangeRecord): void {
    const resolved = this.#resolve(exchange)
    const seconds = exchange.durationMs / 1_000
    if (exchange.flag === '-') {
      this.#knownDuration(resolved, exchange).observe(seconds, exchange.traceId)
    } else {
      const { direction, flag, code } = exchange
      this.#duration(exchange).observe(seconds, exchange.traceId)
      this.#metrics.errors.series({ direction, flag, code: code ?? '' }).add()
    }
    if (exchange.requestBytes > 0) resolved.requestBytes.add(exchange.requestBytes)
    if (exchange.responseBytes > 0) resolved.responseBytes.add(exchange.responseBytes)
    if (exchange.attempts > 1) resolved.retries.add(exchange.attempts - 1)
  }

  #resolve(exchange: ExchangeRecord): Resolved {
    const { direction, service } = exchange
    const detail = direction === 'outbound' ? exchange.route : exchange.peerIdentity
    const services = direction === 'outbound' ? this.#outbound : this.#inbound
    const known = services.get(service)?.get(detail)
    if (known !== undefined) return known
    const { requestBytes, responseBytes, retries } = this.#metrics
    const resolved: Resolved = {
      durations: [],
      grpcDurations: new Map(),
      requestBytes: requestBytes.series({ direction, service }),
      responseBytes: responseBytes.series({ direction, service }),
      retries: retries.series({ service }),
    }
    if (this.#resolvedCount >= RESOLVED_COUNT) return resolved
    this.#resolvedCount++
    const byDetail = services.get(service) ?? new Map<string, Resolved>()
    services.set(service, byDetail.set(detail, resolved))
    return resolved
  }

  #knownDuration({ durations, grpcDurations }: Resolved, exchange: ExchangeRecord): HistogramSeries {
    const { status, grpcStatus } = exchange
    if (grpcStatus !== undefined && status !== 200) return this.#duration(exchange)
    const known = grpcStatus === undefined ? durations[status] : grpcDurations.get(grpcStatus)
    if (known !== undefined) return known
    const series = this.#duration(exchange)
    if (grpcStatus === undefined) durations[status] = series
    else grpcDurations.set(grpcStatus, series)
    return series
  }

  #duration(exchange: ExchangeRecord): HistogramSeries {
    const { service, route, flag, grpcStatus: grpc_status = '' } = exchange
    const status = String(exchange.status)
    return exchange.direction === 'outbound'
      ? this.#metrics.clientDuration.series({ service, route, status, grpc_status, flag })
      : this.#metrics.serverDuration.series({ service, peer: exchange.peerIdentity, status, grpc_status, flag })
  }
}
