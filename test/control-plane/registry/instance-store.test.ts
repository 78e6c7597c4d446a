import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import fc from 'fast-check'
import { inTransaction, openDatabase } from '../../../control-plane/registry/embedded/database.ts'
import { InstanceStore } from '../../../control-plane/registry/embedded/instance-store.ts'
import type { Instance } from '../../../control-plane/registry/registry.ts'

const instanceOf = (id: string, service: string, port: number): Instance => ({
  id,
  service,
  address: '10.0.0.1',
  port,
  meta: { id },
  tags: [],
})
const SERVICES = ['s', 't']
const step = fc.record({
  by: fc.nat(1),
  act: fc.constantFrom('put', 'put', 'delete', 'beat', 'flush', 'failed put', 'failed delete', 'look'),
  id: fc.constantFrom('a', 'b', 'c'),
  service: fc.constantFrom(...SERVICES),
  port: fc.integer({ min: 1, max: 3 }),
})

function open(path: string) {
  const database = openDatabase(path)
  assert.ok(database.ok)
  return { database: database.value, store: new InstanceStore(database.value) }
}

test('two processes that write by turns both see what stands in the file, whatever failed meanwhile', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const folder = mkdtempSync(join(tmpdir(), 'outrigger-instances-'))
      const processes = [open(join(folder, 'db')), open(join(folder, 'db'))]
      const model = new Map<string, Instance>()
      try {
        for (const { by, act, id, service, port } of steps) {
          const { database, store } = processes[by] ?? assert.fail()
          const instance = instanceOf(id, service, port)
          const change = (work: () => void, fails: boolean): void => {
            const run = (): void =>
              inTransaction(database, () => {
                work()
                if (fails) throw new Error('the disk is full')
              })
            if (fails) assert.throws(run, /disk is full/)
            else run()
          }
          if (act.endsWith('put')) change(() => store.put(instance, 60_000, 0), act !== 'put')
          else if (act.endsWith('delete')) change(() => store.delete(id), act !== 'delete')
          else if (act === 'beat') assert.equal(store.beat(id, 0), model.has(id) ? 'living' : 'unknown')
          else if (act === 'flush') inTransaction(database, () => store.flush(0))
          if (act === 'put') model.set(id, instance)
          if (act === 'delete') model.delete(id)
          // Not all look after each change: what is read again must not depend on it.
          for (const one of act === 'look' ? processes : [processes[1 - by] ?? assert.fail()]) {
            const wanted = (of: string) =>
              [...model.values()].filter((known) => known.service === of).sort((x, y) => (x.id < y.id ? -1 : 1))
            for (const name of SERVICES) assert.deepEqual(one.store.living(name, 0), wanted(name))
            assert.deepEqual(
              one.store.services(0),
              SERVICES.filter((name) => wanted(name).length > 0),
            )
          }
        }
      } finally {
        for (const { database } of processes) database.close()
        rmSync(folder, { recursive: true, force: true })
      }
    }),
    { numRuns: 60, seed: 17 },
  )
})
