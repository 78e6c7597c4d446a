import { LIMITS, type LimitName } from '../../sidecar/core/limits.ts'

/** Lowers a limit for the whole file of a test, which is a process: it is reached with a few, where it would take tens of thousands. */
export function lowerLimit(name: LimitName, value: number): void {
  ;(LIMITS as Record<LimitName, number>)[name] = value
}
