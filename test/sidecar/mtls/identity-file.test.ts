import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { isSameKey } from '../../../certs/key-pair.ts'
import { loadIdentity, saveIdentity } from '../../../sidecar/mtls/identity-file.ts'
import { keepIdentity } from '../../../sidecar/mtls/identity-keeper.ts'
import { IdentityStore } from '../../../sidecar/mtls/identity-store.ts'
import { DAY_MS, idOf, makePki, NOON, unwrap } from '../../certs/mesh-pki.ts'
import { identityOf, WEB } from './mesh-identity.ts'

const pki = makePki()
const identity = identityOf(pki)

async function stateDirectory(): Promise<{ path: string; file: string; [Symbol.asyncDispose](): Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), 'outrigger-identity-'))
  const path = join(root, 'state')
  return { path, file: join(path, 'identity.json'), [Symbol.asyncDispose]: () => rm(root, { recursive: true }) }
}

test('an identity is kept with mode 0600 and read back whole', async () => {
  await using directory = await stateDirectory()
  unwrap(await saveIdentity(directory.path, identity))
  assert.equal((await stat(directory.file)).mode & 0o777, 0o600)
  assert.equal((await stat(directory.path)).mode & 0o777, 0o700)
  const read = unwrap(await loadIdentity(directory.path, idOf(WEB), NOON))
  assert(read !== undefined && isSameKey(read.keyPair.publicKey, identity.keyPair.publicKey))
  assert.deepEqual(
    [read.id, read.chain.map(({ der }) => der), read.bundle.roots.map(({ der }) => der), read.notAfterMs],
    [
      identity.id,
      identity.chain.map(({ der }) => der),
      identity.bundle.roots.map(({ der }) => der),
      identity.notAfterMs,
    ],
  )
})

test('a directory without an identity is no error', async () => {
  await using directory = await stateDirectory()
  assert.equal(unwrap(await loadIdentity(directory.path, idOf(WEB), NOON)), undefined)
})

test('a kept identity that is damaged anywhere, cut, or empty is refused with its file named', async () => {
  await using directory = await stateDirectory()
  unwrap(await saveIdentity(directory.path, identity))
  const text = await readFile(directory.file, 'utf8')
  const damaged = ['', '{}', 'null', '[]', text.slice(0, -1), text.slice(0, text.length / 2)]
  for (let at = 40; at < text.length; at += 97) {
    damaged.push(`${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`)
  }
  for (const content of damaged) {
    await writeFile(directory.file, content)
    const read = await loadIdentity(directory.path, idOf(WEB), NOON)
    assert(!read.ok)
    assert(read.error.startsWith(`Cannot use the identity in "${directory.file}"`))
    assert(!read.error.includes('PRIVATE'))
  }
})

test('a kept identity whose checksum is right and whose fields are wrong is refused', async () => {
  await using directory = await stateDirectory()
  unwrap(await saveIdentity(directory.path, identity))
  for (const body of [
    'null',
    '{}',
    '[]',
    '"x"',
    'x',
    '{"keyPem":"","chainPem":[],"trustDomain":"","sequence":0,"rootsPem":[]}',
  ]) {
    const checksum = createHash('sha256').update(body).digest('hex')
    await writeFile(directory.file, JSON.stringify({ format: 1, checksum, body }))
    assert(!(await loadIdentity(directory.path, idOf(WEB), NOON)).ok, body)
  }
})

test('a kept identity that others could read is closed to them when it is used', async () => {
  await using directory = await stateDirectory()
  unwrap(await saveIdentity(directory.path, identity))
  await chmod(directory.file, 0o644)
  unwrap(await loadIdentity(directory.path, idOf(WEB), NOON))
  assert.equal((await stat(directory.file)).mode & 0o777, 0o600)
})

test('a kept identity that is over, or another workload, is refused', async () => {
  await using directory = await stateDirectory()
  unwrap(await saveIdentity(directory.path, identity))
  assert(!(await loadIdentity(directory.path, idOf(WEB), NOON + 2 * DAY_MS)).ok)
  assert(!(await loadIdentity(directory.path, idOf(`${WEB}2`), NOON)).ok)
})

test('a place where nothing can be kept is an error in words, and a link in the way is not followed', async () => {
  await using directory = await stateDirectory()
  await writeFile(directory.path, 'a file')
  const saved = await saveIdentity(directory.path, identity)
  assert(!saved.ok)
  assert.match(saved.error, /^Cannot keep the identity in/)
  assert(!(await loadIdentity(directory.path, idOf(WEB), NOON)).ok)
  await rm(directory.path)
  await mkdir(directory.path)
  const elsewhere = `${directory.path}-elsewhere`
  await writeFile(elsewhere, 'untouched')
  await symlink(elsewhere, `${directory.file}.new`)
  unwrap(await saveIdentity(directory.path, identity))
  assert.equal(await readFile(elsewhere, 'utf8'), 'untouched')
})

test('the store is kept as it changes, the last identity last, and a full disk is only reported', async () => {
  await using directory = await stateDirectory()
  const store = new IdentityStore()
  const problems: string[] = []
  using keeper = keepIdentity(store, directory.path, (sentence) => problems.push(sentence))
  for (let i = 0; i < 5; i++) store.replace(identityOf(pki))
  await keeper.idle()
  const read = unwrap(await loadIdentity(directory.path, idOf(WEB), NOON))
  assert.deepEqual(read?.chain[0]?.der, store.current?.chain[0]?.der)
  assert.deepEqual(problems, [])
  await rm(directory.path, { recursive: true })
  await writeFile(directory.path, 'a file in the way')
  store.replace(identity)
  await keeper.idle()
  assert.equal(problems.length, 1)
  assert.equal(store.current, identity)
})
