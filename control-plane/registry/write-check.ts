import assert from 'node:assert/strict'

import { err, ok, type Result } from '../../certs/result.ts'
import type { Lock, RegistryError } from './registry.ts'
import { REGISTRY_LIMITS } from './registry-limits.ts'

/** One write of a transaction; a value of undefined deletes. */
export interface Write {
  readonly key: string
  readonly value: Buffer | undefined
  readonly expectedVersion?: number
}

/** 'too-large' if the value is over the limit of a write that stands alone. */
export function checkValue(value: Buffer): Result<void, RegistryError> {
  return value.length > REGISTRY_LIMITS.valueBytes
    ? err(tooLarge(value.length, REGISTRY_LIMITS.valueBytes))
    : ok(undefined)
}

/** 'too-large' if the writes together are over the limit of a transaction. Too many of them, or an empty key, is a bug. */
export function checkWrites(writes: readonly Write[], lock: Lock | undefined): Result<void, RegistryError> {
  const most = REGISTRY_LIMITS.transactionCount - (lock === undefined ? 0 : 1)
  assert(writes.length <= most, `A transaction has at most ${most} writes, got ${writes.length}`)
  let bytes = 0
  for (const { key, value } of writes) {
    assert(key.length > 0, 'A key is never empty')
    bytes += Buffer.byteLength(key) + (value?.length ?? 0)
  }
  return bytes > REGISTRY_LIMITS.transactionBytes
    ? err(tooLarge(bytes, REGISTRY_LIMITS.transactionBytes))
    : ok(undefined)
}

function tooLarge(bytes: number, limitBytes: number): RegistryError {
  return { kind: 'too-large', detail: `The write has ${bytes} bytes; at most ${limitBytes} are allowed`, limitBytes }
}
