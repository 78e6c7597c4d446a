import type { Bootstrap } from './config/bootstrap.ts'
import type { ResourceKind } from './config/resources.ts'
import type { SnapshotStore } from './config/snapshot-store.ts'
import type { RetryRefusal } from './decide/decision.ts'
import { RecentDecisions } from './pipeline/recent-decisions.ts'
import type { Seams } from './seams.ts'
import { AccessLog } from './telemetry/access-log.ts'
import { ExchangeMetrics, type SidecarMetrics } from './telemetry/exchange-metrics.ts'
import type { ExchangeRecord } from './telemetry/exchange-record.ts'
import { MetricRegistry } from './telemetry/metrics.ts'
import { SIDECAR_METRICS } from './telemetry/sidecar-metrics.ts'
import { Tracing } from './telemetry/tracing.ts'

/** Everything that says what happened: metrics, access log, traces, recent decisions. Follows the Telemetry resource. */
export class Reporting {
  readonly registry = new MetricRegistry()
  readonly metrics: SidecarMetrics = this.registry.metricSet(SIDECAR_METRICS)
  readonly tracing: Tracing
  readonly recent: RecentDecisions
  readonly #exchanges = new ExchangeMetrics(this.metrics)
  readonly #accessLog: AccessLog
  readonly #unsubscribe: () => void

  constructor(boot: Bootstrap, seams: Seams, snapshots: SnapshotStore) {
    const { clock, random, log } = seams
    const [namespace = '', name = ''] = boot.workload.split('/')
    this.recent = new RecentDecisions(boot.recentDecisionCount)
    this.#accessLog = new AccessLog(seams.accessLog, clock, () => this.metrics.accessLogDropped.series({}).add())
    const resource = {
      serviceName: boot.serviceAccount,
      serviceNamespace: namespace,
      serviceInstanceId: name,
      serviceVersion: seams.version,
    }
    this.tracing = new Tracing(resource, {
      clock,
      random,
      onDrop: (count, reason) => this.metrics.spansDropped.series({ reason }).add(count),
      onProblem: (problem) => log.warn('traces', { problem }),
    })
    const follow = (): void => {
      const { telemetry } = snapshots.current
      this.tracing.configure(telemetry)
      this.#accessLog.setMode(telemetry?.accessLog ?? 'off')
    }
    follow()
    this.#unsubscribe = snapshots.subscribe((next, previous) => {
      if (next.telemetry !== previous.telemetry) follow()
    })
  }

  /** Takes the record of an exchange that has ended. */
  readonly onRecord = (record: ExchangeRecord): void => {
    this.#exchanges.record(record)
    this.#accessLog.record(record)
  }

  /** Counts a try that was wanted and not made. */
  readonly onRetryRefused = (service: string, reason: RetryRefusal): void => {
    this.metrics.retriesRefused.series({ service, reason }).add()
  }

  /** Counts a pushed resource that was refused. */
  readonly onRejected = (kind: ResourceKind): void => {
    this.metrics.rejectedResources.series({ kind }).add()
  }

  /** Counts a connection to a port that does not say what it speaks. */
  readonly onProtocol = (direction: 'inbound' | 'outbound', port: string, protocol: string): void => {
    this.metrics.detectedConnections.series({ direction, port, protocol }).add()
  }

  /** Counts a peer that was refused at the mesh link. */
  readonly onRefusedPeer = (reason: string): void => {
    this.metrics.handshakeFailures.series({ direction: 'inbound', reason }).add()
  }

  /** Sends and writes what waits, for at most `timeoutMs`. */
  async close(timeoutMs: number): Promise<void> {
    this.#unsubscribe()
    this.#accessLog.flush()
    await this.tracing.close(timeoutMs)
  }
}
