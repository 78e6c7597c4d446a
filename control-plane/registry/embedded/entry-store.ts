import assert from 'node:assert/strict'
import type { DatabaseSync, StatementSync } from 'node:sqlite'

import type { Entry } from '../registry.ts'
import type { Write } from '../write-check.ts'
import { nextNumber } from './database.ts'

/** A compare-and-set that did not hold; thrown inside a transaction, so that all of it is rolled back. */
export class VersionConflict extends Error {
  readonly key: string
  /** 0: the key does not exist. */
  readonly currentVersion: number
  constructor(key: string, expectedVersion: number, currentVersion: number) {
    super(`The key "${key}" has version ${currentVersion}, expected ${expectedVersion}`)
    this.key = key
    this.currentVersion = currentVersion
  }
}

/** Keys and values in the file. Every method may throw what SQLite throws; the caller makes it a `RegistryError`. */
export class EntryStore {
  readonly #database: DatabaseSync
  readonly #get: StatementSync
  readonly #list: StatementSync
  readonly #put: StatementSync
  readonly #delete: StatementSync

  constructor(database: DatabaseSync) {
    this.#database = database
    this.#get = database.prepare('SELECT key, value, version FROM entries WHERE key = ?')
    // Keys compare as UTF-8 octets, so a key with this prefix sorts before prefix + the last code point.
    this.#list = database.prepare('SELECT key, value, version FROM entries WHERE key >= ?1 AND key < ?2 ORDER BY key')
    this.#put = database.prepare('INSERT OR REPLACE INTO entries (key, value, version) VALUES (?, ?, ?)')
    this.#delete = database.prepare('DELETE FROM entries WHERE key = ?')
  }

  /** Undefined when there is no such key. The value is the caller's own. */
  find(key: string): Entry | undefined {
    const row = this.#get.get(key)
    return row === undefined ? undefined : toEntry(row)
  }

  /** All entries whose key begins with `prefix`, by key. */
  list(prefix: string): Entry[] {
    return this.#list.all(prefix, `${prefix}\u{10ffff}`).map(toEntry)
  }

  /**
   * Makes one write; the key's version after it, 0 when it was deleted. A value that is there already is not written
   * again (Consul does the same). Call inside a transaction; throws `VersionConflict`.
   */
  write({ key, value, expectedVersion }: Write): number {
    const current = this.find(key)
    const isDoneAlready = value === undefined && current === undefined
    if (expectedVersion !== undefined && !isDoneAlready && expectedVersion !== (current?.version ?? 0)) {
      throw new VersionConflict(key, expectedVersion, current?.version ?? 0)
    }
    if (value === undefined) {
      this.#delete.run(key)
      return 0
    }
    if (current?.value.equals(value) === true) return current.version
    const version = nextNumber(this.#database)
    this.#put.run(key, value, version)
    return version
  }
}

function toEntry(row: Record<string, unknown>): Entry {
  const { key, value, version } = row
  assert(typeof key === 'string' && value instanceof Uint8Array && typeof version === 'number')
  return { key, value: Buffer.from(value.buffer, value.byteOffset, value.byteLength), version }
}
