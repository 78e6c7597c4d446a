import assert from 'node:assert/strict'
import test from 'ava'
import { fromLastGood, toLastGood } from '../../../sidecar/config/last-good.ts'
import { EMPTY_SNAPSHOT, type Snapshot } from '../../../sidecar/config/snapshot.ts'
import { SnapshotStore } from '../../../sidecar/config/snapshot-store.ts'
import { authorization, endpoints, policy, rule, service, workload } from '../../support/resources.ts'

test('a snapshot is swapped whole: who holds the earlier one sees no change', () => {
  const store = new SnapshotStore()
  const before = store.current
  store.apply([{ put: service() }, { put: endpoints(['a']) }])
  assert.equal(before.services.size, 0)
  assert.equal(store.current.services.size, 1)
  assert.equal(store.current.generation, 1)
})

test('the bad are refused one by one, with every problem, and keep their last good version', () => {
  const store = new SnapshotStore()
  store.apply([{ put: service(), version: '1' }])
  const bad = { ...service(), ports: 'none', extra: true }
  const rejections = store.apply([
    { put: bad, version: '2' },
    { put: endpoints(['a']), version: '7' },
  ])
  assert.equal(rejections.length, 1)
  assert.match(rejections[0]?.reason ?? '', /ports: .*extra: is not a known field|extra: is not a known field.*ports: /)
  const { kind, name, version } = rejections[0] ?? {}
  assert.deepEqual({ kind, name, version }, { kind: 'Service', name: 'shop/orders', version: '2' })
  assert.deepEqual(store.current.services.get('shop/orders'), service())
  assert.deepEqual(
    [...store.current.versions],
    [
      ['Service/shop/orders', '1'],
      ['Endpoints/shop/orders', '7'],
    ],
  )
})

test('what is no resource at all is refused, not thrown', () => {
  const store = new SnapshotStore()
  for (const put of [undefined, null, 1, 'Service', [], {}, { kind: '__proto__' }, { kind: 'toString', name: 'x' }]) {
    assert.equal(store.apply([{ put }]).length, 1, JSON.stringify(put))
  }
  assert.equal(store.current, EMPTY_SNAPSHOT)
})

test('resources of a snapshot cannot be changed', () => {
  const store = new SnapshotStore()
  store.apply([{ put: service() }])
  const held = store.current.services.get('shop/orders')
  assert.throws(() => held?.routes.push(rule()), TypeError)
  assert.throws(() => Object.assign(store.current, { workload: undefined }), TypeError)
})

test('hosts are found by name, and no more when the service is gone', () => {
  const store = new SnapshotStore()
  store.apply([{ put: service() }, { put: service({ name: 'shop/late', hostnames: ['orders', 'late'] }) }])
  assert.deepEqual([...store.current.serviceByHost].sort(), [
    ['late', 'shop/late'],
    ['orders', 'shop/late'],
    ['orders.shop', 'shop/orders'],
  ])
  store.apply([{ delete: 'Service', name: 'shop/late' }])
  assert.equal(store.current.serviceByHost.get('orders'), 'shop/orders')
  assert.equal(store.current.serviceByHost.has('late'), false)
})

test('a host that two services claim means the same one, whichever came first', () => {
  const services = [service(), service({ name: 'shop/late', hostnames: ['orders', 'late'] })]
  for (const order of [services, services.toReversed()]) {
    const store = new SnapshotStore()
    for (const put of order) store.apply([{ put }])
    assert.equal(store.current.serviceByHost.get('orders'), 'shop/late')
  }
})

test('the index of hosts is kept when only endpoints change', () => {
  const store = new SnapshotStore()
  store.apply([{ put: service() }])
  const index = store.current.serviceByHost
  store.apply([{ put: endpoints(['a']) }])
  assert.equal(store.current.serviceByHost, index)
})

test('there is one workload and one authorization, whatever their names', () => {
  const store = new SnapshotStore()
  store.apply([
    { put: workload(), version: '1' },
    { put: authorization([]), version: '1' },
  ])
  store.apply([{ put: workload({ name: 'shop/other' }), version: '2' }])
  assert.equal(store.current.workload?.name, 'shop/other')
  assert.deepEqual([...store.current.versions.keys()].sort(), ['Authorization/shop/orders', 'Workload/shop/other'])
  store.apply([{ delete: 'Workload', name: 'shop/orders' }])
  assert.equal(store.current.workload?.name, 'shop/other')
  store.apply([{ delete: 'Workload', name: 'shop/other' }])
  assert.equal(store.current.workload, undefined)
})

test('listeners hear of each swap once, and of none when nothing was valid', () => {
  const store = new SnapshotStore()
  const heard: [number, number][] = []
  const stop = store.subscribe((next: Snapshot, previous: Snapshot) =>
    heard.push([previous.generation, next.generation]),
  )
  store.apply([{ put: service() }, { put: endpoints([]) }])
  store.apply([{ put: {} }])
  store.apply([{ delete: 'Service', name: 'shop/none' }])
  stop()
  store.apply([{ put: workload() }])
  assert.deepEqual(heard, [[0, 1]])
})

test('a last-good file holds everything with its version, and is read back as it was', () => {
  const store = new SnapshotStore()
  const resources = [service(), endpoints(['a']), workload(), authorization([policy('DENY', [{ methods: ['PUT'] }])])]
  store.apply(resources.map((put, i) => ({ put, version: `v${i}` })))
  const read = fromLastGood(JSON.parse(JSON.stringify(toLastGood(store.current))))
  assert(read.ok)
  assert.deepEqual(read.value.rejections, [])
  assert.deepEqual(read.value.snapshot, { ...store.current, generation: 1 })
})

test('of a last-good file only what is valid is taken, and what is no such file is refused', () => {
  const file = {
    format: 1,
    resources: [{ version: '1', resource: service() }, { version: '2', resource: { kind: 'Later' } }, 3],
  }
  const read = fromLastGood(file)
  assert(read.ok)
  assert.equal(read.value.snapshot.services.size, 1)
  assert.equal(read.value.rejections.length, 2)
  for (const value of [undefined, null, [], {}, { format: 2, resources: [] }, { format: 1 }])
    assert.equal(fromLastGood(value).ok, false)
})
