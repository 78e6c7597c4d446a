import assert from 'node:assert/strict'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test from 'ava'

import { openRegistry } from '../../../control-plane/registry/open-registry.ts'
import { systemClock } from '../../../sidecar/core/clock.ts'
import { seededRandom } from '../../../sidecar/core/random.ts'

const options = { clock: systemClock, random: seededRandom(5) }

async function errorOf(url: string, token?: string): Promise<string> {
  const opened = await openRegistry(url, token === undefined ? options : { ...options, consulToken: token })
  if (opened.ok) await opened.value[Symbol.asyncDispose]()
  assert(!opened.ok, `${url} was opened`)
  assert(!opened.error.includes('\n'), 'an error is one paragraph')
  return opened.error
}

test('openRegistry says what was found and what is allowed when the address is not one', async () => {
  for (const url of [
    '',
    'redis://h:1',
    'embedded:',
    'consul:',
    'consul://',
    'consul://h:99999',
    'consul://h:1/kv',
    'consul://h:0',
  ]) {
    const error = await errorOf(url)
    assert(error.includes(`"${url}"`), error)
    assert(error.includes('"consul://HOST:PORT"') && error.includes('"embedded:PATH"'), error)
  }
})

test('openRegistry does not repeat a secret that stands in the address', async () => {
  for (const url of [
    'consul://s3cret@127.0.0.1:8500',
    'consul://u:s3cret@h:1',
    'consul://127.0.0.1:8500?token=s3cret',
  ]) {
    assert(!(await errorOf(url)).includes('s3cret'))
  }
})

test('openRegistry names the address of a Consul that does not answer, and what to do', async () => {
  const error = await errorOf('consul://127.0.0.1:1', 's3cret')
  assert.match(error, /consul:\/\/127\.0\.0\.1:1: it does not answer .*ECONNREFUSED.* Start a Consul agent there/)
  assert(!error.includes('s3cret'))
})

test('openRegistry does not fail on a token that no header can carry, and does not show it', async () => {
  const error = await errorOf('consul://127.0.0.1:1', 's3cret\r\nx: y')
  assert(!error.includes('s3cret'), error)
})

test('openRegistry opens a registry in memory and in a file', async () => {
  using directory = temporaryDirectory()
  for (const url of ['embedded::memory:', `embedded:${directory.path}/mesh.db`]) {
    const opened = await openRegistry(url, options)
    assert(opened.ok)
    await using registry = opened.value
    assert.equal(registry.description, url)
    assert((await registry.put('k', Buffer.from('v'))).ok)
  }
})

test('openRegistry says which file cannot be opened, why, and what to do', async () => {
  using directory = temporaryDirectory()
  const at = (name: string): string => join(directory.path, name)
  mkdirSync(at('directory'))
  writeFileSync(at('text'), 'services:\n  - name: web\n'.repeat(100))
  const foreign = new DatabaseSync(at('foreign'))
  foreign.exec('CREATE TABLE users (name TEXT)')
  foreign.close()
  await newRegistry(at('newer'))
  const newer = new DatabaseSync(at('newer'))
  newer.exec('PRAGMA user_version = 9')
  newer.close()
  await newRegistry(at('damaged'))
  damage(at('damaged'))
  const cases: readonly (readonly [string, RegExp])[] = [
    [at('none/mesh.db'), /directory ".*\/none" does not exist; create/],
    [at('directory'), /it is not a file/],
    [at('text'), /not a SQLite database; name another file/],
    [at('foreign'), /the database of another program/],
    [at('newer'), /a newer release wrote it \(format 9, this release knows 1\)/],
    [at('damaged'), /damaged.*restore it from a copy/],
  ]
  for (const [path, message] of cases) {
    const error = await errorOf(`embedded:${path}`)
    assert.match(error, message)
    assert(error.includes(`"${path}"`), error)
  }
})

test('openRegistry says that a file may not be written', async () => {
  // A file that nobody may write, the superuser included.
  assert.match(await errorOf('embedded:/proc/outrigger.db'), /registry file "\/proc\/outrigger\.db"/)
  assert.match(await errorOf('embedded:/proc/version'), /registry file "\/proc\/version"/)
})

async function newRegistry(path: string): Promise<void> {
  const opened = await openRegistry(`embedded:${path}`, options)
  assert(opened.ok)
  for (let i = 0; i < 50; i++) assert((await opened.value.put(`key/${i}`, Buffer.alloc(500, i))).ok)
  await opened.value[Symbol.asyncDispose]()
}

/** Overwrites pages in the middle; the header stays. */
function damage(path: string): void {
  const file = openSync(path, 'r+')
  const bytes = statSync(path).size - 4_096
  writeSync(file, Buffer.alloc(bytes, 0x5a), 0, bytes, 4_096)
  closeSync(file)
}

function temporaryDirectory(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'outrigger-registry-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}
