import { findField } from './fields.ts'
import type { Fields } from './head.ts'

/** Statuses by their number, and the HTTP status that each counts as (Envoy has the same for retries and outlier detection). */
const STATUSES = [
  { name: 'OK', http: 200 },
  { name: 'CANCELLED', http: 499 },
  { name: 'UNKNOWN', http: 500 },
  { name: 'INVALID_ARGUMENT', http: 400 },
  { name: 'DEADLINE_EXCEEDED', http: 504 },
  { name: 'NOT_FOUND', http: 404 },
  { name: 'ALREADY_EXISTS', http: 409 },
  { name: 'PERMISSION_DENIED', http: 403 },
  { name: 'RESOURCE_EXHAUSTED', http: 429 },
  { name: 'FAILED_PRECONDITION', http: 400 },
  { name: 'ABORTED', http: 409 },
  { name: 'OUT_OF_RANGE', http: 400 },
  { name: 'UNIMPLEMENTED', http: 501 },
  { name: 'INTERNAL', http: 500 },
  { name: 'UNAVAILABLE', http: 503 },
  { name: 'DATA_LOSS', http: 500 },
  { name: 'UNAUTHENTICATED', http: 401 },
] as const
const UNKNOWN = 2

/** Name of a status of gRPC: https://grpc.io/docs/guides/status-codes/ */
export type GrpcStatus = (typeof STATUSES)[number]['name']

/** The status that trailers, or the only head of an answer, say; UNKNOWN for one that is none, undefined without one. */
export function grpcStatusOf(fields: Fields): GrpcStatus | undefined {
  const said = findField(fields, 'grpc-status')
  if (said === undefined) return undefined
  const status = /^[0-9]{1,2}$/.test(said) ? STATUSES[Number(said)] : undefined
  return (status ?? STATUSES[UNKNOWN]).name
}

const HTTP_BY_NAME: ReadonlyMap<GrpcStatus, number> = new Map(STATUSES.map(({ name, http }) => [name, http]))

/** What an answer counts as where policy speaks of HTTP's statuses: retries, ejection, errors. gRPC fails with HTTP 200. */
export const countedStatus = (status: number, grpc: GrpcStatus | undefined): number =>
  grpc === undefined || status >= 400 ? status : (HTTP_BY_NAME.get(grpc) ?? status)
