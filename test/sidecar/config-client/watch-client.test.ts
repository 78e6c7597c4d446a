import assert from 'node:assert/strict'
import test from 'ava'
import { SnapshotStore } from '../../../sidecar/config/snapshot-store.ts'
import { endpoints, rule, service, workload } from '../../support/resources.ts'
import { put, SYNCED, stage, web } from './watch-stage.ts'

const leadingTo = (name: string) => [rule({ backends: [{ service: name, port: 80, weight: 1 }] })]
/** Routes of shop/orders that lead to shop/orders-v2. */
const toV2 = service({ routes: leadingTo('shop/orders-v2') })
const v2 = service({ name: 'shop/orders-v2', hostnames: ['orders-v2'], routes: leadingTo('shop/orders-v2') })
const v2Endpoints = endpoints(['b'], 'shop/orders-v2')

test('the first certificate is waited for, and then everything is said in one greeting', async () => {
  await using at = await stage()
  at.client.start()
  void at.client.want('Service', 'shop/orders')
  assert.equal(at.there.watchCount, 0)
  at.identities.replace(web)
  const watch = await at.there.watch()
  await watch.hears('subscribe')
  assert.deepEqual(watch.heard, [
    { type: 'hello', workload: 'shop/web', version: 'test', serves: [] },
    { type: 'subscribe', kind: 'Service', name: 'shop/orders' },
  ])
})

test('who takes no traffic says so in the greeting of every connection', async () => {
  await using at = await stage()
  at.client.setHealthy(false)
  at.client.start()
  at.identities.replace(web)
  for (let i = 0; i < 2; i++) {
    const watch = await at.there.watch()
    await watch.settled()
    assert.deepEqual(watch.heard[1], { type: 'health', ready: false })
    const lost = at.becomes('lost')
    watch.tell(SYNCED)
    watch.breakOff()
    await lost
    at.clock.turn(3_000)
  }
})

test('only what was asked for is held, whatever is told besides', async () => {
  await using at = await stage()
  at.client.start()
  void at.client.want('Endpoints', 'shop/orders')
  void at.client.want('Service', 'shop/orders')
  at.identities.replace(web)
  const watch = await at.there.watch()
  watch.tell(put(workload({ name: 'shop/web' })), put(endpoints(['a'])), put(endpoints(['x'], 'shop/unasked')))
  watch.tell(put(service({ name: 'shop/unasked', hostnames: ['unasked'], routes: leadingTo('shop/orders') })), SYNCED)
  await watch.settled()
  assert.deepEqual([...at.store.current.endpoints.keys()], ['shop/orders'])
  assert.deepEqual([...at.store.current.services.keys()], [])
  assert.equal(at.store.current.workload?.name, 'shop/web')
  assert.deepEqual(
    (await watch.hears('ack')).map(({ kind, name }) => `${kind} ${name}`),
    ['Workload shop/web', 'Endpoints shop/orders'],
  )
})

test('what is no longer wanted is not taken when it arrives late', async () => {
  await using at = await stage()
  at.client.start()
  void at.client.want('Endpoints', 'shop/orders')
  at.identities.replace(web)
  const watch = await at.there.watch()
  at.client.unwant('Endpoints', 'shop/orders')
  watch.tell(put(endpoints(['a'])))
  await watch.settled()
  assert.equal(at.store.current.endpoints.size, 0)
})

test('the snapshot is complete when the routes that it has lead to endpoints that are known, not before', async () => {
  await using at = await stage()
  at.client.start()
  void at.client.want('Service', 'shop/orders')
  at.identities.replace(web)
  let isReady = false
  void at.client.waitReady().then(() => {
    isReady = true
  })
  const watch = await at.there.watch()
  watch.tell(put(toV2), SYNCED)
  await watch.hears('subscribe', 3)
  assert.deepEqual([isReady, at.client.status.connected, at.statuses.length], [false, false, 0])
  watch.tell(put(v2), put(v2Endpoints), SYNCED)
  await at.client.waitReady()
  assert.deepEqual([...at.store.current.services.keys()].sort(), ['shop/orders', 'shop/orders-v2'])
  assert.deepEqual([at.client.status.connected, at.client.status.staleSinceMs], [true, undefined])
})

test('routes that waited when the connection was lost are not applied: what holds now is told anew', async () => {
  await using at = await stage()
  at.client.start()
  void at.client.want('Service', 'shop/orders')
  at.identities.replace(web)
  const first = await at.there.watch()
  const lost = at.becomes('lost')
  first.tell(put(toV2), SYNCED)
  await first.hears('subscribe', 3)
  first.breakOff()
  await lost
  at.clock.turn(3_000)
  const second = await at.there.watch()
  second.tell(put(v2), put(v2Endpoints))
  await second.settled()
  assert.deepEqual([...at.store.current.services.keys()], ['shop/orders-v2'])
  second.tell(put(toV2, 'v2'), SYNCED)
  await second.settled()
  assert.equal(at.store.current.versions.get('Service/shop/orders'), 'v2')
})

// `synced` of the lost connection is counted for the next one, as soon as nothing waits.
test('what a lost connection had told in full says nothing of the next one', async () => {
  await using at = await stage()
  at.client.start()
  void at.client.want('Service', 'shop/orders')
  at.identities.replace(web)
  const first = await at.there.watch()
  const lost = at.becomes('lost')
  first.tell(put(toV2), SYNCED)
  await first.hears('subscribe', 3)
  first.breakOff()
  await lost
  at.clock.turn(3_000)
  const second = await at.there.watch()
  second.tell(put(workload({ name: 'shop/web' })))
  await second.settled()
  assert.equal(at.client.status.connected, false)
})

test('thirty seconds of silence are a loss, and a ping begins them anew', async () => {
  await using at = await stage()
  at.client.start()
  at.identities.replace(web)
  const watch = await at.there.watch()
  watch.tell(SYNCED)
  await watch.settled()
  at.clock.turn(29_999)
  await watch.settled()
  at.clock.turn(29_999)
  assert.equal(at.client.status.connected, true)
  at.clock.turn(1)
  assert.equal(at.client.status.connected, false)
  assert.equal(at.client.status.trouble, 'nothing heard for 30000 ms')
  assert.equal(at.client.status.lossCount, 1)
  // whoever is silent may still be there: the connection is not left open
  await watch.over
})

test('an event that can not be read ends the connection, and the next one goes on', async () => {
  await using at = await stage()
  at.client.start()
  at.identities.replace(web)
  const lost = at.becomes('lost')
  const first = await at.there.watch()
  first.tell({ kind: 'Service' })
  await lost
  assert.match(at.client.status.trouble ?? '', /an event has no type/)
  at.clock.turn(3_000)
  const second = await at.there.watch()
  second.tell(SYNCED)
  await second.settled()
  assert.equal(at.client.status.connected, true)
})

test('the snapshot is complete when each part of a long greeting is answered, not when the first is', async () => {
  await using at = await stage()
  at.client.start()
  void at.client.want('Service', 'shop/orders')
  void at.client.want('Endpoints', 'shop/orders')
  void at.client.want('Endpoints', 'shop/none')
  void at.client.want('Endpoints', 'shop/wrong')
  at.identities.replace(web)
  const watch = await at.there.watch()
  watch.tell(put(workload({ name: 'shop/web' })), put(service()), SYNCED)
  watch.tell(put(endpoints(['a'])), SYNCED)
  watch.tell({ type: 'delete', kind: 'Endpoints', name: 'shop/none', version: 'absent' }, SYNCED)
  await watch.settled()
  assert.deepEqual([at.client.status.connected, at.statuses.length], [false, 0])
  // what is refused is answered, too
  watch.tell({ type: 'put', kind: 'Endpoints', name: 'shop/wrong', version: 'v1', resource: {} }, SYNCED)
  await at.client.waitReady()
  assert.equal(at.client.status.connected, true)
})

test('what was wanted no longer is waited for by nobody, and holds up nothing', async () => {
  await using at = await stage()
  const waiting = at.client.want('Service', 'shop/made-up')
  at.client.unwant('Service', 'shop/made-up')
  await waiting
  void at.client.want('Service', 'shop/other')
  at.client.start()
  at.identities.replace(web)
  const watch = await at.there.watch()
  await watch.hears('subscribe')
  at.client.unwant('Service', 'shop/other')
  watch.tell(SYNCED)
  await watch.settled()
  assert.equal(at.client.status.connected, true)
})

test('a service that is not wanted any more is not applied when its routes could be followed at last', async () => {
  await using at = await stage()
  at.client.start()
  void at.client.want('Service', 'shop/orders')
  at.identities.replace(web)
  const watch = await at.there.watch()
  watch.tell(put(toV2), SYNCED)
  await watch.hears('subscribe', 3)
  at.client.unwant('Service', 'shop/orders')
  watch.tell(put(v2), put(v2Endpoints), SYNCED)
  await watch.settled()
  assert.deepEqual([...at.store.current.services.keys()], ['shop/orders-v2'])
})

test('a last good copy with the workload and its roots is complete; a part of it is not', async () => {
  const store = new SnapshotStore()
  const isReady = async (): Promise<boolean> => {
    await using at = await stage(store)
    return Promise.race([
      at.client.waitReady().then(() => true),
      new Promise<boolean>((resolve) => setImmediate(resolve, false)),
    ])
  }
  assert.equal(await isReady(), false)
  store.apply([{ put: workload({ name: 'shop/web' }) }])
  assert.equal(await isReady(), false)
  store.apply([{ put: { kind: 'Trust', name: 'mesh.example', sequence: 1, rootsPem: [] } }])
  assert.equal(await isReady(), true)
  store.apply([{ delete: 'Workload', name: 'shop/web' }])
  assert.equal(await isReady(), false)
})

test('what was said not to exist is not asked for anew with every connection, but is by whoever wants it anew', async () => {
  await using at = await stage()
  at.client.start()
  void at.client.want('Endpoints', 'shop/none')
  at.identities.replace(web)
  const first = await at.there.watch()
  const lost = at.becomes('lost')
  first.tell({ type: 'delete', kind: 'Endpoints', name: 'shop/none', version: 'absent' }, SYNCED)
  await at.client.want('Endpoints', 'shop/none')
  first.breakOff()
  await lost
  at.clock.turn(3_000)
  const second = await at.there.watch()
  const [held] = await second.hears('subscribe')
  assert.equal(held?.version, 'absent')
  at.client.unwant('Endpoints', 'shop/none')
  void at.client.want('Endpoints', 'shop/none')
  const [, anew] = await second.hears('subscribe', 2)
  assert.deepEqual(anew, { type: 'subscribe', kind: 'Endpoints', name: 'shop/none' })
})

test('health is told when it changes, and not otherwise', async () => {
  await using at = await stage()
  at.client.start()
  at.identities.replace(web)
  const watch = await at.there.watch()
  await watch.settled()
  for (const isHealthy of [true, false, false, true, true]) at.client.setHealthy(isHealthy)
  await watch.settled()
  assert.deepEqual(
    (await watch.hears('health')).map(({ ready }) => ready),
    [false, true],
  )
})

test('why the control plane ended the stream is what it says in its last words, if it says any', async () => {
  await using at = await stage()
  at.client.start()
  at.identities.replace(web)
  for (const [trailers, trouble] of [
    [{ 'x-outrigger-reason': 'the mesh moves' }, 'the mesh moves'],
    [{ 'x-other': 'nothing to us' }, 'the control plane ended the stream'],
  ] as const) {
    const lost = at.becomes('lost')
    const watch = await at.there.watch()
    watch.trailers = trailers
    watch.tell(SYNCED)
    watch.finish()
    await lost
    assert.equal(at.client.status.trouble, trouble)
    at.clock.turn(3_000)
  }
})
