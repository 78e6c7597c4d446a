import type { DatabaseSync, StatementSync } from 'node:sqlite'

import { nextNumber } from './database.ts'

/**
 * Who holds which lock, in the file, so that processes that share it exclude each other. A row's token changes with
 * each holder and only grows. The wall clock judges expiry, because processes share no other one. A jump of it can at
 * worst take a lock from a living holder, whose fenced writes are then refused: an expiry later than any holder could set
 * was set before the clock went back, perhaps by a process that is dead since. Methods may throw what SQLite throws.
 */
export class LockTable {
  readonly #database: DatabaseSync
  readonly #take: StatementSync
  readonly #renew: StatementSync
  readonly #release: StatementSync
  readonly #holder: StatementSync

  constructor(database: DatabaseSync) {
    this.#database = database
    this.#take = database.prepare('INSERT OR REPLACE INTO locks (key, token, expiresWallMs) VALUES (?, ?, ?)')
    this.#renew = database.prepare('UPDATE locks SET expiresWallMs = ? WHERE key = ? AND token = ?')
    this.#release = database.prepare('DELETE FROM locks WHERE key = ? AND token = ?')
    this.#holder = database.prepare('SELECT token, expiresWallMs FROM locks WHERE key = ?')
  }

  /** The new holder's token, or undefined while another holds the lock. Call inside a transaction. */
  take(key: string, wallMs: number, ttlMs: number): number | undefined {
    const holder = this.#holder.get(key)
    const leftMs = holder === undefined ? 0 : Number(holder['expiresWallMs']) - wallMs
    if (leftMs > 0 && leftMs <= ttlMs) return undefined
    const token = nextNumber(this.#database)
    this.#take.run(key, token, wallMs + ttlMs)
    return token
  }

  /** False: somebody else has the lock, or nobody. */
  renew(key: string, token: number, expiresWallMs: number): boolean {
    return this.#renew.run(expiresWallMs, key, token).changes === 1
  }

  /** Whether this token still is the holder's. A holder past its time whom nobody has followed still is one. */
  isHeld(key: string, token: number): boolean {
    return Number(this.#holder.get(key)?.['token'] ?? -1) === token
  }

  release(key: string, token: number): void {
    this.#release.run(key, token)
  }
}
