import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { isFreePort, PortBlocks } from '../../../cli/up/free-port.ts'
import { accepts, fetchLocal } from '../../../cli/up/local-http.ts'
import { takeStateDirectory } from '../../../cli/up/state-directory.ts'
import { waitUntil } from '../../../cli/up/wait-until.ts'
import { seededRandom } from '../../../sidecar/core/random.ts'
import { TurnedClock } from '../../support/turned-clock.ts'

test('ports are given once each, below those of outgoing connections, beyond one block too', async () => {
  using ports = new PortBlocks(seededRandom(7))
  const taken = new Set<number>()
  for (let i = 0; i < 120; i++) taken.add(await ports.take())
  assert.equal(taken.size, 120)
  assert([...taken].every((port) => port >= 20_000 && port < 32_000))
})

test('two who choose at once and by the same chance choose different ports', async () => {
  using one = new PortBlocks(() => 0.5)
  using other = new PortBlocks(() => 0.5)
  const ports = await Promise.all([one.take(), other.take(), one.take(), other.take()])
  assert.equal(new Set(ports).size, 4)
})

test('isFreePort knows a port that is taken', async () => {
  const server = createServer((_, response) => response.end('here'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  assert.equal(await isFreePort(port), false)
  assert.equal(await accepts(port), true)
  assert.deepEqual(await fetchLocal(`http://127.0.0.1:${port}/`), { status: 200, body: 'here' })
  await new Promise((resolve) => server.close(resolve))
  assert.equal(await accepts(port), false)
  assert.equal(await fetchLocal(`http://127.0.0.1:${port}/`), undefined)
})

test('waitUntil answers what was missing last when the time is over', async () => {
  const clock = new TurnedClock()
  let asked = 0
  const check = (): string => {
    setImmediate(() => clock.turn(50))
    return `missing ${++asked}`
  }
  assert.deepEqual(await waitUntil(clock, 100, check), { ok: false, error: 'missing 3' })
})

test('waitUntil ends when nothing is missing', async () => {
  assert.deepEqual(await waitUntil(new TurnedClock(), 0, () => undefined), { ok: true, value: undefined })
})

test('a state directory is for its owner alone, and is taken by one process at a time', () => {
  const parent = mkdtempSync(join(tmpdir(), 'outrigger-state-'))
  try {
    const path = join(parent, 'shop')
    const first = takeStateDirectory(path)
    assert(first.ok)
    assert.equal(statSync(path).mode & 0o777, 0o700)
    // Our parent process lives as long as we do.
    writeFileSync(join(path, 'up.pid'), `${process.ppid}\n`)
    const second = takeStateDirectory(path)
    assert(!second.ok)
    assert.match(second.error, new RegExp(`it runs already, as process ${process.ppid}`))
    first.value[Symbol.dispose]()
    assert(!existsSync(join(path, 'up.pid')))
  } finally {
    rmSync(parent, { recursive: true, force: true })
  }
})

test('a state directory keeps the registry and forgets the certificates of sidecars', () => {
  const path = mkdtempSync(join(tmpdir(), 'outrigger-state-'))
  try {
    mkdirSync(join(path, 'control-plane'))
    mkdirSync(join(path, 'sidecars'))
    writeFileSync(join(path, 'control-plane', 'registry.db'), '')
    assert(takeStateDirectory(path).ok)
    assert.deepEqual(
      [existsSync(join(path, 'control-plane', 'registry.db')), existsSync(join(path, 'sidecars'))],
      [true, false],
    )
  } finally {
    rmSync(path, { recursive: true, force: true })
  }
})

test('a state directory that cannot be made is an error for a person', () => {
  const taken = takeStateDirectory('/dev/null/shop')
  assert.deepEqual(taken, { ok: false, error: "Cannot keep the mesh's state in /dev/null/shop: ENOTDIR" })
})
