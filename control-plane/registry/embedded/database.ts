import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { err, ok, type Result } from '../../../certs/result.ts'

/** Marks the file as ours ("outr"), so that somebody else's database is not written to. */
const APPLICATION_ID = 0x6f_75_74_72
const SCHEMA_VERSION = 1
/** How long a statement waits for another process that writes. The event loop stands still meanwhile. */
const BUSY_TIMEOUT_MS = 2_000

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS sequence (value INTEGER NOT NULL);
  INSERT INTO sequence SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM sequence);
  CREATE TABLE IF NOT EXISTS entries (
    key TEXT PRIMARY KEY, value BLOB NOT NULL, version INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS instances (
    id TEXT PRIMARY KEY, service TEXT NOT NULL, address TEXT NOT NULL, port INTEGER NOT NULL,
    meta TEXT NOT NULL, tags TEXT NOT NULL, ttlMs INTEGER NOT NULL, beats INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS locks (
    key TEXT PRIMARY KEY, token INTEGER NOT NULL, expiresWallMs INTEGER NOT NULL) WITHOUT ROWID;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`

/**
 * Opens, checks and if need be creates the registry's file; `:memory:` keeps all in memory.
 * The error is one paragraph: which file, what is wrong, what to do.
 */
export function openDatabase(path: string): Result<DatabaseSync, string> {
  const file = path === ':memory:' ? path : resolve(path)
  const obstacle = file === ':memory:' ? undefined : findObstacle(file)
  if (obstacle !== undefined) return err(`Cannot open the registry file "${file}": ${obstacle}`)
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS })
    const stranger = prepare(database)
    if (stranger === undefined) return ok(database)
    database.close()
    return err(`Cannot use the registry file "${file}": ${stranger}`)
  } catch (error) {
    database?.close()
    return err(`Cannot open the registry file "${file}": ${explain(error)}`)
  }
}

/** A sentence about an error of SQLite, for a person. Source: https://www.sqlite.org/rescode.html */
export function explain(error: unknown): string {
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0
  const said = oneLine(error instanceof Error ? error.message : String(error))
  const advice = ADVICE[code]
  return advice === undefined ? said : `${advice} (${said})`
}

/** SQLite's reports may have many lines; a message has one. */
const oneLine = (text: string): string => text.replace(/\s+/g, ' ').slice(0, 200)

const ADVICE: Readonly<Record<number, string>> = {
  5: 'another process has been writing to it for too long; end that process, or try again',
  8: 'it can only be read; give this user the right to write to the file and its directory',
  10: 'the disk reports an error; check the disk',
  11: 'it is damaged; restore it from a copy, or move it away to begin with an empty registry',
  13: 'the disk is full; make room',
  14: 'it cannot be opened; check its directory and permissions',
  26: 'it is not a SQLite database; name another file, or move this one away',
}

/** What about the path itself makes opening hopeless; SQLite would only say "unable to open database file". */
function findObstacle(file: string): string | undefined {
  const directory = dirname(file)
  if (!existsSync(directory)) return `its directory "${directory}" does not exist; create the directory first`
  try {
    if (existsSync(file)) {
      if (!statSync(file).isFile()) return 'it is not a file; name a file that may be created there'
      accessSync(file, constants.R_OK | constants.W_OK)
    }
    accessSync(directory, constants.W_OK | constants.X_OK)
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    return `this user may not write there; give it the right to write to the file and its directory (${said})`
  }
  return undefined
}

/** Undefined when the file is ours and whole; else what it is. */
function prepare(database: DatabaseSync): string | undefined {
  // One read transaction: another process may be creating the file at this moment.
  database.exec('BEGIN')
  const application = readPragma(database, 'application_id')
  const version = readPragma(database, 'user_version')
  const isEmpty = database.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined
  database.exec('COMMIT')
  if (!isEmpty && application !== APPLICATION_ID) return 'it is the database of another program; name another file'
  if (version > SCHEMA_VERSION) {
    return `a newer release wrote it (format ${version}, this release knows ${SCHEMA_VERSION}); use that release, or another file`
  }
  const check = database.prepare('PRAGMA quick_check(1)').get()?.['quick_check']
  if (check !== 'ok')
    return `it is damaged (${oneLine(String(check))}); restore it from a copy, or move it away to begin with an empty registry`
  // WAL lets another process read while one writes. FULL: an answered write survives a power cut (the authority's state).
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  database.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT`)
  return undefined
}

function readPragma(database: DatabaseSync, name: 'application_id' | 'user_version' | 'data_version'): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name])
}

/** Changes when another connection has committed. Source: https://www.sqlite.org/pragma.html#pragma_data_version */
export const dataVersion = (database: DatabaseSync): number => readPragma(database, 'data_version')

/** Runs `work` in one write transaction, taken at once so that it cannot fail half way. Rolled back if `work` throws. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const value = work()
    database.exec('COMMIT')
    return value
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

/** The next number of the file's one sequence: versions and fencing tokens. Call inside a transaction. */
export function nextNumber(database: DatabaseSync): number {
  return Number(database.prepare('UPDATE sequence SET value = value + 1 RETURNING value').get()?.['value'])
}
