import type { Clock } from '../core/clock.ts'
import { AddressConnections, type AppAttempt, type AppLimits, type DialApp } from './address-connections.ts'

const SWEEP_MS = 1_000

/** Plain HTTP/1.1 connections to applications, by address. */
export class AppPool {
  readonly #dial: DialApp
  readonly #clock: Clock
  readonly #byAddress = new Map<string, AddressConnections>()
  #sweeper: { cancel(): void } | undefined

  constructor(dial: DialApp, clock: Clock) {
    this.#dial = dial
    this.#clock = clock
  }

  /**
   * Sends a try to `host:port`: at once on an idle connection, else on a new one. With a `caller`, its share of the
   * connections is bounded, so that something is left for the others.
   */
  send(host: string, port: number, attempt: AppAttempt, limits: AppLimits, caller?: string): void {
    this.#connections(host, port).send(attempt, limits, caller)
  }

  /** Forgets a try that still waits. */
  abandon(host: string, port: number, attempt: AppAttempt): void {
    this.#connections(host, port).abandon(attempt)
  }

  /** For gauges. */
  get openCount(): number {
    let count = 0
    for (const connections of this.#byAddress.values()) count += connections.openCount
    return count
  }

  /** Closes idle connections; those in use end with their exchange. */
  destroy(): void {
    this.#sweeper?.cancel()
    for (const connections of this.#byAddress.values()) connections.destroy()
  }

  #connections(host: string, port: number): AddressConnections {
    const key = `${host}:${port}`
    let connections = this.#byAddress.get(key)
    if (connections === undefined) {
      connections = new AddressConnections(host, port, this.#dial, this.#clock, this.#armSweep)
      this.#byAddress.set(key, connections)
    }
    return connections
  }

  readonly #armSweep = (): void => {
    this.#sweeper ??= this.#clock.after(SWEEP_MS, this.#sweep, { background: true })
  }

  readonly #sweep = (): void => {
    this.#sweeper = undefined
    for (const [key, connections] of this.#byAddress) {
      connections.closeStale()
      if (connections.isUnused) this.#byAddress.delete(key)
    }
    if (this.#byAddress.size > 0) this.#armSweep()
  }
}
