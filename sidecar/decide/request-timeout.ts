import { findField } from '../http/fields.ts'
import type { CompiledRule } from './compiled-service.ts'
import type { RequestFacts } from './decision.ts'

/** From the end of a request to the head of its response, ms, where neither a manifest nor the caller says a bound. */
export const DEFAULT_RESPONSE_TIMEOUT_MS = 15_000

/** Units of `grpc-timeout`, ms (gRPC over HTTP/2, "Requests": TimeoutUnit). */
const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 }
const SHAPE = /^([0-9]{1,8})([HMSmun])$/

/** How long a caller of gRPC says that it waits (`grpc-timeout`), ms; undefined when it says nothing. At least 1 ms, for 0 would be no bound. */
export function saidTimeoutMs({ method, fields }: RequestFacts): number | undefined {
  if (method !== 'POST') return undefined // as every request of gRPC is
  const said = findField(fields, 'grpc-timeout')
  if (said === undefined) return undefined
  const [, count, unit = ''] = SHAPE.exec(said) ?? []
  return count === undefined ? undefined : Math.max(1, Number(count) * (UNIT_MS[unit] ?? 0))
}

type Bounds = Pick<CompiledRule, 'requestTimeoutMs' | 'responseTimeoutMs'>

/** How long the whole request may take, ms; 0 for ever: what is configured, or what the caller says where that is less. */
export function requestTimeoutMs({ requestTimeoutMs: configuredMs }: Bounds, saidMs: number | undefined): number {
  if (saidMs === undefined) return configuredMs
  return configuredMs === 0 ? saidMs : Math.min(configuredMs, saidMs)
}

/** How long the answer may be awaited, ms; 0 for ever. The default is for callers that do not say what they wait for. */
export function responseTimeoutMs({ responseTimeoutMs: configuredMs }: Bounds, saidMs: number | undefined): number {
  return configuredMs ?? (saidMs === undefined ? DEFAULT_RESPONSE_TIMEOUT_MS : 0)
}

/** Largest count that `grpc-timeout` has digits for. */
const LARGEST_COUNT = 99_999_999

/** The form that `grpc-timeout` has for what is left of a call's time: never more than that, and at least something. */
export function grpcTimeoutOf(leftMs: number): string {
  const us = Math.max(1, Math.floor(leftMs * 1_000))
  if (us <= LARGEST_COUNT) return `${us}u`
  return leftMs <= LARGEST_COUNT ? `${Math.floor(leftMs)}m` : `${Math.min(LARGEST_COUNT, Math.floor(leftMs / 1_000))}S`
}
