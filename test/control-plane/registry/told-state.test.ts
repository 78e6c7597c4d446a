import assert from 'node:assert/strict'
import test from 'ava'
import type { Entry, Instance } from '../../../control-plane/registry/registry.ts'
import { sameEntries, sameInstances, sameNames } from '../../../control-plane/registry/same-content.ts'
import { ToldState } from '../../../control-plane/registry/told-state.ts'
import { checkWrites } from '../../../control-plane/registry/write-check.ts'

function told() {
  const heard: string[] = []
  const state = new ToldState<readonly string[]>(
    {
      onState: (names) => heard.push(names.join('+')),
      onAvailability: (available, detail) => heard.push(`${available} ${detail}`),
    },
    sameNames,
  )
  return { heard, state }
}

test('a state and an availability are told once, until they are others', () => {
  const { heard, state } = told()
  state.availability(true, 'from the start')
  state.state([])
  state.state([])
  state.state(['a', 'b'])
  state.state(['b', 'a'])
  state.availability(false, 'gone')
  state.availability(false, 'still gone')
  state.availability(true, 'back')
  assert.deepEqual(heard, ['', 'a+b', 'b+a', 'false gone', 'true back'])
})

test('after the end nothing is told', () => {
  const { heard, state } = told()
  state.stop()
  state.state(['a'])
  state.availability(false, 'gone')
  assert.deepEqual(heard, [])
})

const entry: Entry = { key: 'k', value: Buffer.from('v'), version: 1 }
const instance: Instance = { id: 'i', service: 's', address: 'a', port: 1, meta: { m: '1' }, tags: ['t'] }

test('entries that differ in one thing are not the same', () => {
  assert(sameEntries([entry], [{ ...entry, value: Buffer.from('v') }]))
  for (const change of [{ key: 'l' }, { value: Buffer.from('w') }, { version: 2 }])
    assert(!sameEntries([entry], [{ ...entry, ...change }]), JSON.stringify(change))
  assert(!sameEntries([entry], []))
  assert(!sameEntries([entry], [entry, entry]))
  assert(!sameEntries([], [entry]))
})

test('instances that differ in one thing are not the same', () => {
  assert(sameInstances([instance], [{ ...instance, meta: { m: '1' }, tags: ['t'] }]))
  for (const change of [
    { id: 'j' },
    { service: 'x' },
    { address: 'b' },
    { port: 2 },
    { meta: {} },
    { meta: { m: '2' } },
    { meta: { m: '1', n: '1' } },
    { meta: { n: '1' } },
    { tags: [] },
    { tags: ['t', 't'] },
  ])
    assert(!sameInstances([instance], [{ ...instance, ...change }]), JSON.stringify(change))
})

test('a transaction has room for 64 writes, or for 63 and the check of a lock', () => {
  const writes = Array.from({ length: 64 }, (_, i) => ({ key: `k${i}`, value: undefined }))
  const lock = { key: 'l', fencingToken: 1, lost: new AbortController().signal, release: async () => {} }
  assert(checkWrites(writes, undefined).ok)
  assert(checkWrites(writes.slice(1), lock).ok)
  assert.throws(() => checkWrites(writes, lock), /at most 63/)
  assert.throws(() => checkWrites([...writes, { key: 'k', value: undefined }], undefined), /at most 64/)
  assert.throws(() => checkWrites([{ key: '', value: undefined }], undefined), /never empty/)
})
