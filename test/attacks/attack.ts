import type { HostileWire } from './hostile-wire.ts'

/**
 * Where an attacker knocks: the listener of an application's sidecar, in HTTP/1.1 or in HTTP/2 with prior knowledge; the
 * mesh link of another sidecar with a valid certificate of the mesh; that link's port without one; the port of probes and
 * metrics.
 */
export type Door = 'h1' | 'h2c' | 'link' | 'tls' | 'probes'

/** What is attacked, as far as an attacker knows it. */
export interface Target {
  readonly door: Door
  /** The service's name, as requests have to say it. */
  readonly authority: string
  /** The application's port, which a request on a mesh link has to name where there are several. */
  readonly appPort: number
  /** Rounds after which an attack that never passes a limit has shown what it can; none: it goes on until it is stopped. */
  readonly rounds?: number
}

/** One hostile peer: what it sends, and what has to become of it. */
export interface Attack {
  readonly name: string
  readonly doors: readonly Door[]
  /** What it is known by. */
  readonly known: string
  /** What has to strike, in words. */
  readonly limit: string
  /**
   * The counter that has to have risen at the sidecar that is attacked: `h1:` or `h2:` and the limit's label, or the name of
   * another metric. Undefined: it stays below every limit, and must harm nobody.
   */
  readonly counter?: string
  /** The connection has to be cut. */
  readonly isCut: boolean
  /** Takes longer than a test may, in time that a test cannot turn: only the runner has the patience. */
  readonly isLong?: boolean
  /** Time that has to pass at the sidecar before the limit strikes, which a test lets pass by turning its clock. */
  readonly leapMs?: number
  /** All that is asked for is that others are served: what so many connections cost, they cost. */
  readonly asksAvailabilityOnly?: boolean
  /** Connections that attack at once; 1 where it does not say. */
  readonly connections?: number
  /**
   * Attacks until it is cut or has done its rounds. Calls `wire.passed()` when it has gone past the limit: from there on the
   * time to the cut is counted.
   */
  run(wire: HostileWire, target: Target): Promise<void>
}

/** Whether a round more is to be done. */
export const goesOn = (wire: HostileWire, { rounds }: Target, round: number): boolean =>
  !wire.isCut && !wire.isStopped && (rounds === undefined || round < rounds)
