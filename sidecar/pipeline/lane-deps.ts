import type { LoadState } from '../balancing/load-state.ts'
import type { SnapshotStore } from '../config/snapshot-store.ts'
import type { Clock } from '../core/clock.ts'
import type { Random } from '../core/random.ts'
import type { TimerWheel } from '../core/timer-wheel.ts'
import type { RetryRefusal } from '../decide/decision.ts'
import type { ReplayBuffer } from '../resilience/replay-buffer.ts'
import type { ExchangeRecord } from '../telemetry/exchange-record.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import type { RecentDecisions } from './recent-decisions.ts'

/** What every exchange of a sidecar shares. */
export interface ExchangeDeps {
  readonly clock: Clock
  readonly wheel: TimerWheel
  /** A buffer for one request's body, so that it can be sent again. */
  newReplayBuffer(): ReplayBuffer
}

/** What both lanes stand on. */
export interface LaneDeps {
  readonly snapshots: SnapshotStore
  readonly load: LoadState
  readonly clock: Clock
  readonly wheel: TimerWheel
  readonly random: Random
  readonly tracing: Tracing
  readonly recent: RecentDecisions
  /** Hears of every exchange, once, when it has ended. */
  readonly onRecord: (record: ExchangeRecord) => void
  /** Hears of a try that was wanted and not made. */
  readonly onRetryRefused: (service: string, reason: RetryRefusal) => void
}
