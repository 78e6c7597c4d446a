import assert from 'node:assert/strict'
import type { DatabaseSync, StatementSync } from 'node:sqlite'

import type { Instance } from '../registry.ts'

/** An instance that stays silent this much longer than its time to live is forgotten, as Consul would do it. */
const FORGET_AFTER_MS = 10 * 60_000

interface Stored {
  readonly instance: Instance
  readonly ttlMs: number
  /** Counts heartbeats, whichever process received them. */
  beats: number
  /** All of the row but its heartbeats: tells whether it is another instance now. */
  readonly content: string
}

/**
 * Service instances in the file, and which of them live.
 *
 * The file counts heartbeats; each process remembers, on its own monotonic clock, when it last saw the count of an
 * instance move. What it sees for the first time counts as heard of now: a control plane that comes back does not
 * empty the mesh, and a jump of the wall clock kills nobody. Methods may throw what SQLite throws.
 *
 * Rows are kept in memory, so that thousands of watches that look at each tick read the file once: all of it when
 * another process has written, else only the rows that this one has touched.
 */
export class InstanceStore {
  readonly #all: StatementSync
  readonly #put: StatementSync
  readonly #beat: StatementSync
  readonly #beatsOf: StatementSync
  readonly #delete: StatementSync
  readonly #one: StatementSync
  readonly #version: StatementSync
  /** By id. */
  readonly #rows = new Map<string, Stored>()
  /** Rows by service, by id within; undefined when it is to be made anew. */
  #byService: ReadonlyMap<string, readonly Stored[]> | undefined
  /** Ids of rows to read again. */
  readonly #touched = new Set<string>()
  /** SQLite's `data_version` with which `#rows` was read; another when another process has written since. */
  #readVersion: unknown
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
    this.#one = database.prepare('SELECT * FROM instances WHERE id = ?')
    this.#version = database.prepare('PRAGMA data_version')
  }

  /** Stores or replaces an instance; this counts as a heartbeat. */
  put(instance: Instance, ttlMs: number, nowMs: number): void {
    const { id, service, address, port, meta, tags } = instance
    this.#put.run(id, service, address, port, JSON.stringify(meta), JSON.stringify(tags), ttlMs)
    // Read when the transaction is over, for it may fail.
    this.#touched.add(id)
    this.#heard.set(id, { beats: 0, atMs: nowMs })
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
    this.#touched.add(id)
    this.#heard.delete(id)
    this.#unwritten.delete(id)
  }

  /** Names of all services that have an instance, living or not, by name. */
  services(nowMs: number): string[] {
    return [...this.#read(nowMs).keys()].sort()
  }

  /** Living instances of `service`, by id. */
  living(service: string, nowMs: number): Instance[] {
    return (this.#read(nowMs).get(service) ?? [])
      .filter((stored) => this.#silenceMs(stored, nowMs) <= stored.ttlMs)
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
      this.#touched.add(id)
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
    this.#read(nowMs)
    return [...this.#rows]
      .filter(([, stored]) => this.#silenceMs(stored, nowMs) > stored.ttlMs + FORGET_AFTER_MS)
      .map(([id]) => id)
  }

  #silenceMs(stored: Stored, nowMs: number): number {
    return nowMs - (this.#heard.get(stored.instance.id)?.atMs ?? nowMs)
  }

  /** All that is stored, by service and by id; notes whose count has moved since this process last looked. */
  #read(nowMs: number): ReadonlyMap<string, readonly Stored[]> {
    const version = this.#version.get()?.['data_version']
    if (version !== this.#readVersion) this.#readAll(nowMs)
    else for (const id of this.#touched) this.#take(id, this.#one.get(id), nowMs)
    this.#touched.clear()
    this.#readVersion = version
    this.#byService ??= groupByService(this.#rows)
    return this.#byService
  }

  #readAll(nowMs: number): void {
    const gone = new Set(this.#rows.keys())
    for (const row of this.#all.all()) {
      const id = String(row['id'])
      gone.delete(id)
      this.#take(id, row, nowMs)
    }
    for (const id of gone) this.#take(id, undefined, nowMs)
  }

  /** What stands in the file now for `id`. */
  #take(id: string, row: Record<string, unknown> | undefined, nowMs: number): void {
    const known = this.#rows.get(id)
    if (row === undefined) {
      if (this.#rows.delete(id)) this.#byService = undefined
      this.#heard.delete(id)
      return
    }
    const content = contentOf(row)
    const beats = Number(row['beats'])
    if (known?.content === content) known.beats = beats
    else {
      this.#rows.set(id, toStored(row, content))
      this.#byService = undefined
    }
    if (this.#heard.get(id)?.beats !== beats) this.#heard.set(id, { beats, atMs: nowMs })
  }
}

function groupByService(rows: ReadonlyMap<string, Stored>): ReadonlyMap<string, readonly Stored[]> {
  const byService = new Map<string, Stored[]>()
  for (const id of [...rows.keys()].sort()) {
    const stored = rows.get(id)
    assert(stored !== undefined)
    const known = byService.get(stored.instance.service)
    if (known === undefined) byService.set(stored.instance.service, [stored])
    else known.push(stored)
  }
  return byService
}

const contentOf = ({ service, address, port, meta, tags, ttlMs }: Record<string, unknown>): string =>
  JSON.stringify([service, address, port, meta, tags, ttlMs])

function toStored(row: Record<string, unknown>, content: string): Stored {
  const { id, service, address, port, meta, tags, ttlMs, beats } = row
  assert(typeof id === 'string' && typeof service === 'string' && typeof address === 'string')
  assert(typeof port === 'number' && typeof ttlMs === 'number' && typeof beats === 'number')
  assert(typeof meta === 'string' && typeof tags === 'string')
  return {
    instance: { id, service, address, port, meta: JSON.parse(meta), tags: JSON.parse(tags) },
    ttlMs,
    beats,
    content,
  }
}
