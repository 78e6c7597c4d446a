import assert from 'node:assert/strict'
import type { DatabaseSync, StatementSync } from 'node:sqlite'

import type { Instance } from '../registry.ts'

/** An instance that stays silent this much longer than its time to live is forgotten, as Consul would do it. */
const FORGET_AFTER_MS = 10 * 60_000

interface Stored {
  readonly instance: Instance
  readonly ttlMs: number
  /** Counts heartbeats, whichever process received them. */
  readonly beats: number
}

/**
 * Service instances in the file, and which of them live.
 *
 * The file counts heartbeats; each process remembers, on its own monotonic clock, when it last saw the count of an
 * instance move. What it sees for the first time counts as heard of now: a control plane that comes back does not
 * empty the mesh, and a jump of the wall clock kills nobody. Methods may throw what SQLite throws.
 */
export class InstanceStore {
  readonly #all: StatementSync
  readonly #put: StatementSync
  readonly #beat: StatementSync
  readonly #beatsOf: StatementSync
  readonly #delete: StatementSync
  readonly #heard = new Map<string, { beats: number; atMs: number }>()
  /** Heartbeats since the last flush: written together, so that hundreds of instances don't mean hundreds of fsyncs. */
  readonly #unwritten = new Map<string, number>()

  constructor(database: DatabaseSync) {
    this.#all = database.prepare('SELECT * FROM instances ORDER BY id')
    this.#put = database.prepare(
      `INSERT INTO instances (id, service, address, port, meta, tags, ttlMs, beats) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1)
       ON CONFLICT (id) DO UPDATE SET service = ?2, address = ?3, port = ?4, meta = ?5, tags = ?6, ttlMs = ?7, beats = beats + 1`,
    )
    this.#beatsOf = database.prepare('SELECT beats, ttlMs FROM instances WHERE id = ?')
    this.#beat = database.prepare('UPDATE instances SET beats = beats + ? WHERE id = ?')
    this.#delete = database.prepare('DELETE FROM instances WHERE id = ?')
  }

  /** Stores or replaces an instance; this counts as a heartbeat. */
  put(instance: Instance, ttlMs: number, nowMs: number): void {
    const { id, service, address, port, meta, tags } = instance
    this.#put.run(id, service, address, port, JSON.stringify(meta), JSON.stringify(tags), ttlMs)
    this.#heard.delete(id)
    this.#read(nowMs)
  }

  /** 'revived' when the instance had been silent for too long; 'unknown' when it is not stored. */
  beat(id: string, nowMs: number): 'living' | 'revived' | 'unknown' {
    const row = this.#beatsOf.get(id)
    if (row === undefined) return 'unknown'
    const silentMs = nowMs - (this.#heard.get(id)?.atMs ?? nowMs)
    this.#unwritten.set(id, (this.#unwritten.get(id) ?? 0) + 1)
    this.#heard.set(id, { beats: Number(row['beats']), atMs: nowMs })
    return silentMs > Number(row['ttlMs']) ? 'revived' : 'living'
  }

  delete(id: string): void {
    this.#delete.run(id)
    this.#heard.delete(id)
    this.#unwritten.delete(id)
  }

  /** Names of all services that have an instance, living or not, by name. */
  services(nowMs: number): string[] {
    return [...new Set(this.#read(nowMs).map(({ instance }) => instance.service))].sort()
  }

  /** Living instances of `service`, by id. */
  living(service: string, nowMs: number): Instance[] {
    return this.#read(nowMs)
      .filter((stored) => stored.instance.service === service && this.#silenceMs(stored, nowMs) <= stored.ttlMs)
      .map(({ instance }) => instance)
  }

  /** Whether there is something for `flush` to do. */
  needsFlush(nowMs: number): boolean {
    return this.#unwritten.size > 0 || this.#forgotten(nowMs).length > 0
  }

  /** Writes the heartbeats down, and forgets who has been silent for very long. Call inside a transaction. */
  flush(nowMs: number): void {
    for (const [id, count] of this.#unwritten) {
      this.#beat.run(count, id)
      const heard = this.#heard.get(id)
      if (heard !== undefined) heard.beats += count
    }
    this.#unwritten.clear()
    for (const id of this.#forgotten(nowMs)) this.delete(id)
  }

  /** This process itself was asleep (stopped, suspended, stalled): heartbeats could not arrive, so that time does not count. */
  forgive(asleepMs: number): void {
    for (const heard of this.#heard.values()) heard.atMs += asleepMs
  }

  #forgotten(nowMs: number): string[] {
    return this.#read(nowMs)
      .filter((stored) => this.#silenceMs(stored, nowMs) > stored.ttlMs + FORGET_AFTER_MS)
      .map(({ instance }) => instance.id)
  }

  #silenceMs(stored: Stored, nowMs: number): number {
    return nowMs - (this.#heard.get(stored.instance.id)?.atMs ?? nowMs)
  }

  /** All that is stored, by id; notes whose count has moved since this process last looked. */
  #read(nowMs: number): Stored[] {
    const all = this.#all.all().map(toStored)
    for (const { instance, beats } of all) {
      const heard = this.#heard.get(instance.id)
      if (heard?.beats !== beats) this.#heard.set(instance.id, { beats, atMs: nowMs })
    }
    if (this.#heard.size > all.length) {
      const ids = new Set(all.map(({ instance }) => instance.id))
      for (const id of this.#heard.keys()) if (!ids.has(id)) this.#heard.delete(id)
    }
    return all
  }
}

function toStored(row: Record<string, unknown>): Stored {
  const { id, service, address, port, meta, tags, ttlMs, beats } = row
  assert(typeof id === 'string' && typeof service === 'string' && typeof address === 'string')
  assert(typeof port === 'number' && typeof ttlMs === 'number' && typeof beats === 'number')
  assert(typeof meta === 'string' && typeof tags === 'string')
  return { instance: { id, service, address, port, meta: JSON.parse(meta), tags: JSON.parse(tags) }, ttlMs, beats }
}
