import { findField } from '../http/fields.ts'
import type { RequestFacts } from './decision.ts'

/** Units of `grpc-timeout`, ms (gRPC over HTTP/2, "Requests": TimeoutUnit). */
const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 }
const SHAPE = /^([0-9]{1,8})([HMSmun])$/

/**
 * How long the whole request may take, ms; 0 for ever: what is configured, or what a caller of gRPC says itself with
 * `grpc-timeout` where that is less. At least 1 ms, for 0 would be no bound.
 */
export function requestTimeout(configuredMs: number, { method, fields }: RequestFacts): number {
  if (method !== 'POST') return configuredMs // as every request of gRPC is
  const said = findField(fields, 'grpc-timeout')
  if (said === undefined) return configuredMs
  const [, count, unit = ''] = SHAPE.exec(said) ?? []
  if (count === undefined) return configuredMs
  const saidMs = Math.max(1, Number(count) * (UNIT_MS[unit] ?? 0))
  return configuredMs === 0 ? saidMs : Math.min(configuredMs, saidMs)
}
