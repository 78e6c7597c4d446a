import type { RetrySettings } from '../config/resources.ts'
import { hasField } from '../http/fields.ts'
import { isIdempotentMethod } from '../http/idempotent-method.ts'
import type { RequestFacts } from './decision.ts'

/** Why a request may be executed twice, or undefined when it may not. */
export function whyIdempotent(facts: RequestFacts, retry: RetrySettings): string | undefined {
  if (isIdempotentMethod(facts.method)) return `method ${facts.method} is idempotent`
  if (retry.idempotent) return 'the route declares its requests idempotent'
  return hasField(facts.fields, 'idempotency-key') ? 'it has an idempotency-key' : undefined
}

/** Whether a request may be executed twice: by method, by the route's word, or by the caller's (`idempotency-key`). */
export const isIdempotent = (facts: RequestFacts, retry: Pick<RetrySettings, 'idempotent'>): boolean =>
  isIdempotentMethod(facts.method) || retry.idempotent || hasField(facts.fields, 'idempotency-key')
