import { createHash } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { err, ok, type Result } from '../../certs/result.ts'
import { fromLastGood, toLastGood } from '../config/last-good.ts'
import type { Snapshot } from '../config/snapshot.ts'
import type { SnapshotStore } from '../config/snapshot-store.ts'
import type { Clock, Timer } from '../core/clock.ts'
import { toLine } from '../core/schema.ts'

/** Changes within this time are written together, ms. */
const WRITE_DELAY_MS = 200
const NAMES = {
  current: 'last-good.json',
  previous: 'last-good.previous.json',
  draft: 'last-good.json.tmp',
  damaged: 'last-good.damaged.json',
} as const

/** What was found on disk. `note` says what was wrong with a newer copy, or with single resources. */
export interface Loaded {
  readonly snapshot: Snapshot
  readonly note: string | undefined
}

/**
 * The last good snapshot on disk: written whole or not at all (draft, fsync, rename), with a checksum, the generation
 * before it kept. A full or read-only disk is reported and costs nothing else.
 */
export class LastGoodFile {
  readonly #directory: string
  readonly #clock: Clock
  readonly #onTrouble: (reason: string) => void
  #timer: Timer | undefined
  #writing: Promise<void> = Promise.resolve()
  #unsubscribe: (() => void) | undefined
  #pending: Snapshot | undefined
  /** The newest copy can't be read: it must not take the place of the one before it. */
  #isDamaged = false

  constructor(options: {
    readonly directory: string
    readonly clock: Clock
    readonly onTrouble: (reason: string) => void
  }) {
    this.#directory = options.directory
    this.#clock = options.clock
    this.#onTrouble = options.onTrouble
  }

  /** The newest copy that can be read; undefined when there is none at all; an error when there are copies and none can be read. */
  async load(): Promise<Result<Loaded | undefined, string>> {
    const problems: string[] = []
    for (const name of [NAMES.current, NAMES.previous]) {
      const read = await this.#read(join(this.#directory, name))
      if (read.ok && read.value !== undefined)
        return ok({ ...read.value, note: [...problems, ...(read.value.note ?? [])].join('; ') || undefined })
      if (read.ok) continue
      problems.push(read.error)
      this.#isDamaged ||= name === NAMES.current
    }
    return problems.length === 0 ? ok(undefined) : err(problems.join('; '))
  }

  /** Writes every later snapshot of `store`, a little after it came. */
  follow(store: SnapshotStore): void {
    this.#unsubscribe = store.subscribe((next) => {
      this.#pending = next
      this.#timer ??= this.#clock.after(WRITE_DELAY_MS, () => this.#flush(), { background: true })
    })
  }

  /** Resolves when nothing is being written. */
  idle(): Promise<void> {
    return this.#writing
  }

  /** Writes what waits, and ends. */
  async close(): Promise<void> {
    this.#unsubscribe?.()
    this.#flush()
    await this.#writing
  }

  #flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const snapshot = this.#pending
    this.#pending = undefined
    if (snapshot === undefined) return
    this.#writing = this.#writing
      .then(() => this.#write(snapshot))
      .catch((error: Error) => this.#onTrouble(`the last good snapshot was not written: ${error.message}`))
  }

  async #write(snapshot: Snapshot): Promise<void> {
    const body = JSON.stringify(toLastGood(snapshot))
    const draft = join(this.#directory, NAMES.draft)
    const current = join(this.#directory, NAMES.current)
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    const file = await open(draft, 'w', 0o600)
    try {
      await file.writeFile(`${digestOf(body)}\n${body}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    const aside = this.#isDamaged ? NAMES.damaged : NAMES.previous
    await rename(current, join(this.#directory, aside)).catch(ignoreMissing)
    this.#isDamaged = false
    await rename(draft, current)
    const directory = await open(this.#directory, 'r')
    await directory.sync().finally(() => directory.close())
  }

  async #read(path: string): Promise<Result<{ snapshot: Snapshot; note: readonly string[] } | undefined, string>> {
    let text: string
    try {
      text = await readFile(path, 'utf8')
    } catch (error) {
      return isMissing(error) ? ok(undefined) : err(`${path} can't be read: ${(error as Error).message}`)
    }
    const at = text.indexOf('\n')
    const body = text.slice(at + 1).trimEnd()
    if (at < 0 || text.slice(0, at) !== digestOf(body)) return err(`${path} is damaged: its checksum does not match`)
    let value: unknown
    try {
      value = JSON.parse(body)
    } catch {
      return err(`${path} is damaged: it is not JSON`)
    }
    const parsed = fromLastGood(value)
    if (!parsed.ok) return err(`${path} has another form: ${parsed.error.map(toLine).join('; ')}`)
    const note = parsed.value.rejections.map(({ kind, name, reason }) => `${kind} "${name}" is left out: ${reason}`)
    return ok({ snapshot: parsed.value.snapshot, note })
  }
}

const digestOf = (body: string): string => `sha256:${createHash('sha256').update(body).digest('hex')}`

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT'

function ignoreMissing(error: unknown): void {
  if (!isMissing(error)) throw error
}
