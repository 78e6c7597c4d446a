import assert from 'node:assert/strict'

import { err, ok, type Result } from '../../../certs/result.ts'
import type { Lock, PutOptions, RegistryError } from '../registry.ts'
import { REGISTRY_LIMITS } from '../registry-limits.ts'
import { checkValue, checkWrites, type Write } from '../write-check.ts'
import type { ConsulClient, ConsulFailure, KvOperation } from './consul-client.ts'
import { ConsulLock } from './consul-lock.ts'
import { toRegistryError } from './registry-failure.ts'

/** Writes of keys. All but large values go through a transaction: it alone tells the new version and checks a lock. */
export class ConsulWrites {
  readonly #client: ConsulClient
  readonly #where: string

  constructor(client: ConsulClient, where: string) {
    this.#client = client
    this.#where = where
  }

  async put(key: string, value: Buffer, { expectedVersion, lock }: PutOptions): Promise<Result<number, RegistryError>> {
    const write = { key, value, ...(expectedVersion === undefined ? {} : { expectedVersion }) }
    const checked = checkValue(value)
    if (!checked.ok) return checked
    const isLarge = Buffer.byteLength(key) + value.length > REGISTRY_LIMITS.transactionBytes
    if (isLarge && lock === undefined) return this.#putLarge(write)
    const versions = await this.write([write], lock)
    if (!versions.ok) return versions
    const version = versions.value.get(key)
    return version === undefined ? err(this.#unavailable('the answer lacks the new version')) : ok(version)
  }

  /** All writes or none; the versions of the keys that were set. */
  async write(writes: readonly Write[], lock: Lock | undefined): Promise<Result<Map<string, number>, RegistryError>> {
    assert(lock === undefined || lock instanceof ConsulLock, 'The lock is of another registry')
    const checked = checkWrites(writes, lock)
    if (!checked.ok) return checked
    if (lock?.lost.aborted === true) return err(fenced(lock))
    if (writes.length === 0) return ok(new Map())
    const fence = lock === undefined ? [] : [checkSession(lock)]
    const done = await this.#client.transact([...fence, ...writes.map(toOperation)])
    return done.ok ? done : err(await this.#explain(done.error, writes, lock))
  }

  async #explain(
    failure: ConsulFailure,
    writes: readonly Write[],
    lock: ConsulLock | undefined,
  ): Promise<RegistryError> {
    if (failure.kind !== 'refused' || failure.status !== 409) return toRegistryError(failure, this.#where)
    const fenceCount = lock === undefined ? 0 : 1
    if (lock !== undefined && failure.problems.some(({ operation }) => operation < fenceCount)) {
      lock.lose()
      return fenced(lock)
    }
    const write = writes[(failure.problems[0]?.operation ?? fenceCount) - fenceCount]
    return this.#conflict(write?.key ?? '', write?.expectedVersion)
  }

  /** Consul says only that a compare-and-set did not hold; what the version is now has to be asked. */
  async #conflict(key: string, expectedVersion: number | undefined): Promise<RegistryError> {
    const found = await this.#client.find(key, { kind: 'now' })
    if (!found.ok) return toRegistryError(found.error, this.#where)
    const currentVersion = found.value.value?.modifyIndex ?? 0
    const detail = `The key "${key}" has version ${currentVersion}, expected ${expectedVersion ?? 'none'}`
    return { kind: 'conflict', detail, currentVersion }
  }

  /** A value too long for a transaction's base64. Its version has to be read afterwards; if another wrote meanwhile, that one won. */
  async #putLarge({ key, value, expectedVersion }: Write & { value: Buffer }): Promise<Result<number, RegistryError>> {
    const isDone = await this.#client.put(key, value, expectedVersion)
    if (!isDone.ok) return err(toRegistryError(isDone.error, this.#where))
    if (!isDone.value) return err(await this.#conflict(key, expectedVersion))
    const found = await this.#client.find(key, { kind: 'now' })
    if (!found.ok) return err(toRegistryError(found.error, this.#where))
    const pair = found.value.value
    return pair?.value.equals(value) === true ? ok(pair.modifyIndex) : err(await this.#conflict(key, expectedVersion))
  }

  #unavailable(what: string): RegistryError {
    return { kind: 'unavailable', detail: `${this.#where}: ${what}` }
  }
}

const checkSession = (lock: ConsulLock): KvOperation => ({
  Verb: 'check-session',
  Key: lock.consulKey,
  Session: lock.session,
})

function toOperation({ key, value, expectedVersion }: Write): KvOperation {
  if (value === undefined) {
    return expectedVersion === undefined
      ? { Verb: 'delete', Key: key }
      : { Verb: 'delete-cas', Key: key, Index: expectedVersion }
  }
  const Value = value.toString('base64')
  return expectedVersion === undefined
    ? { Verb: 'set', Key: key, Value }
    : { Verb: 'cas', Key: key, Value, Index: expectedVersion }
}

const fenced = (lock: Lock): RegistryError => ({
  kind: 'fenced',
  detail: `The lock "${lock.key}" is not held any more`,
})
