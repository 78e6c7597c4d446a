import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { SnapshotStore } from '../../../sidecar/config/snapshot-store.ts'
import { LastGoodFile } from '../../../sidecar/config-client/last-good-file.ts'
import { TurnedClock } from '../../support/turned-clock.ts'

async function folder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'outrigger-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

const endpoints = (name: string) => ({ kind: 'Endpoints', name, endpoints: [] })

/** A file that follows a store; `save` puts one resource and waits until it is on disk. */
function follow(directory: string) {
  const clock = new TurnedClock()
  const troubles: string[] = []
  const file = new LastGoodFile({ directory, clock, onTrouble: (reason) => troubles.push(reason) })
  const store = new SnapshotStore()
  file.follow(store)
  const save = async (name: string): Promise<void> => {
    store.apply([{ put: endpoints(name), version: name }])
    clock.turn(200)
    await file.idle()
  }
  return { file, store, clock, troubles, save }
}

const loaded = async (path: string) => {
  const found = await follow(path).file.load()
  return found.ok && found.value !== undefined
    ? { names: [...found.value.snapshot.endpoints.keys()], note: found.value.note }
    : found
}

test('what was told is there after a restart, with its versions, and readable by its owner only', async () => {
  await using at = await folder()
  const { file, save } = follow(join(at.path, 'state'))
  await save('shop/a')
  await file.close()
  const path = join(at.path, 'state')
  const found = await follow(path).file.load()
  assert.ok(found.ok)
  assert.equal(found.value?.snapshot.versions.get('Endpoints/shop/a'), 'shop/a')
  assert.equal((await stat(join(path, 'last-good.json'))).mode & 0o777, 0o600)
})

test('many changes are one write, and closing writes what waits', async () => {
  await using at = await folder()
  const { file, store } = follow(at.path)
  store.apply([{ put: endpoints('shop/a'), version: '1' }])
  store.apply([{ put: endpoints('shop/b'), version: '1' }])
  assert.deepEqual(await readdir(at.path), [])
  await file.close()
  assert.deepEqual((await loaded(at.path)) as unknown, { names: ['shop/a', 'shop/b'], note: undefined })
  assert.deepEqual(await readdir(at.path), ['last-good.json'])
})

test('wherever the file is cut off or altered, the generation before it is used', async () => {
  await using at = await folder()
  const { file, save } = follow(at.path)
  await save('shop/a')
  await save('shop/b')
  await file.close()
  const path = join(at.path, 'last-good.json')
  const good = await readFile(path)
  const cuts = [0, 1, 20, 71, 72, 73, Math.floor(good.length / 2), good.length - 2]
  for (const cut of cuts) {
    await writeFile(path, good.subarray(0, cut))
    const found = (await loaded(at.path)) as { names: string[]; note: string }
    assert.deepEqual(found.names, ['shop/a'], `cut at ${cut}`)
    assert.match(found.note, /damaged/)
  }
  const altered = Buffer.from(good)
  altered[100] = (altered[100] ?? 0) ^ 1
  await writeFile(path, altered)
  assert.deepEqual(((await loaded(at.path)) as { names: string[] }).names, ['shop/a'])
})

test('what replaces a damaged file leaves the good generation before it in place, and the damaged one aside', async () => {
  await using at = await folder()
  const before = follow(at.path)
  await before.save('shop/a')
  await before.save('shop/b')
  await before.file.close()
  const path = join(at.path, 'last-good.json')
  await writeFile(path, 'nonsense')
  const after = follow(at.path)
  await after.file.load()
  await after.save('shop/c')
  assert.equal(await readFile(join(at.path, 'last-good.damaged.json'), 'utf8'), 'nonsense')
  await rm(path)
  assert.deepEqual(((await loaded(at.path)) as { names: string[] }).names, ['shop/a'], 'the generation before')
  await after.save('shop/d')
  await after.save('shop/e')
  await after.file.close()
  await rm(path)
  assert.deepEqual(
    ((await loaded(at.path)) as { names: string[] }).names,
    ['shop/c', 'shop/d'],
    'kept again from then on',
  )
})

test('no file is no error; only damaged ones are one', async () => {
  await using at = await folder()
  assert.deepEqual(await loaded(join(at.path, 'nowhere')), { ok: true, value: undefined })
  await writeFile(join(at.path, 'last-good.json'), 'nonsense')
  const found = await follow(at.path).file.load()
  assert.ok(!found.ok)
  assert.match(found.error, /last-good\.json is damaged: its checksum does not match/)
})

test('a place that can not be written to is reported, and costs nothing else', async () => {
  await using at = await folder()
  await writeFile(join(at.path, 'file'), '')
  const { file, store, save, troubles } = follow(join(at.path, 'file', 'state'))
  await save('shop/a')
  await file.close()
  assert.match(troubles.join(), /was not written/)
  assert.ok(store.current.endpoints.has('shop/a'))
})

test('a write that was interrupted leaves the last good file and is overwritten by the next', async () => {
  await using at = await folder()
  const first = follow(at.path)
  await first.save('shop/a')
  await first.file.close()
  await mkdir(at.path, { recursive: true })
  await writeFile(join(at.path, 'last-good.json.tmp'), 'half')
  await chmod(join(at.path, 'last-good.json.tmp'), 0o600)
  assert.deepEqual(((await loaded(at.path)) as { names: string[] }).names, ['shop/a'])
  const second = follow(at.path)
  await second.save('shop/b')
  await second.file.close()
  assert.deepEqual(((await loaded(at.path)) as { names: string[] }).names, ['shop/b'])
})

test('what comes after the end is not written', async () => {
  await using at = await folder()
  const { file, store, clock, save } = follow(at.path)
  await save('shop/a')
  await file.close()
  store.apply([{ put: endpoints('shop/late'), version: '1' }])
  clock.turn(1_000)
  await file.idle()
  assert.deepEqual((await loaded(at.path)) as unknown, { names: ['shop/a'], note: undefined })
})
