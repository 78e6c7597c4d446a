import assert from 'node:assert/strict'
import test from 'ava'
import { createBundle } from '../../../certs/bundle.ts'
import { err } from '../../../certs/result.ts'
import { controlPlaneId } from '../../../certs/spiffe-id.ts'
import type { Resource } from '../../../sidecar/config/resources.ts'
import { SnapshotStore } from '../../../sidecar/config/snapshot-store.ts'
import { ControlChannel } from '../../../sidecar/config-client/control-channel.ts'
import { WatchClient, type WatchStatus } from '../../../sidecar/config-client/watch-client.ts'
import { seededRandom } from '../../../sidecar/core/random.ts'
import { IdentityStore } from '../../../sidecar/mtls/identity-store.ts'
import { DAY_MS, makePki, unwrap } from '../../certs/mesh-pki.ts'
import { endpoints, rule, service, workload } from '../../support/resources.ts'
import { TurnedClock } from '../../support/turned-clock.ts'
import { identityOf, WEB } from '../mtls/mesh-identity.ts'
import { ScriptedControlPlane } from './scripted-control-plane.ts'

// OpenSSL looks at the machine's clock, so these certificates are of today
const NOW = Date.now()
const pki = makePki('mesh.example', NOW)
const plane = identityOf(pki, DAY_MS, unwrap(controlPlaneId('mesh.example')).text, NOW)
const web = identityOf(pki, DAY_MS, WEB, NOW)

const put = (resource: Resource, version = 'v1') => ({
  type: 'put',
  kind: resource.kind,
  name: resource.name,
  version,
  resource,
})
const SYNCED = { type: 'synced' }
const leadingTo = (name: string) => [rule({ backends: [{ service: name, port: 80, weight: 1 }] })]
/** Routes of shop/orders that lead to shop/orders-v2. */
const toV2 = service({ routes: leadingTo('shop/orders-v2') })
const v2 = service({ name: 'shop/orders-v2', hostnames: ['orders-v2'], routes: leadingTo('shop/orders-v2') })
const v2Endpoints = endpoints(['b'], 'shop/orders-v2')

/** A channel that fails as often as a test says. */
class FailingChannel extends ControlChannel {
  failureCount = 0
  override async connect(): ReturnType<ControlChannel['connect']> {
    return this.failureCount-- > 0 ? err('the way is blocked') : super.connect()
  }
}

/** A sidecar's subscription to a control plane of the test. Its clock stands still until the test turns it. */
async function stage() {
  const there = await ScriptedControlPlane.listen(plane)
  const clock = new TurnedClock(NOW)
  const identities = new IdentityStore()
  const store = new SnapshotStore()
  const statuses: WatchStatus[] = []
  const troubles = new Map<string, () => void>()
  const addresses = [{ host: '127.0.0.1', port: there.port }]
  const channel = new FailingChannel({ clock, identities, bundle: pki.bundle, addresses })
  const client = new WatchClient({
    channel,
    identities,
    store,
    clock,
    random: seededRandom(3),
    trustDomain: 'mesh.example',
    workload: 'shop/web',
    version: 'test',
    serves: [],
    onStatus: (status) => {
      statuses.push(status)
      troubles.get(status.connected ? 'connected' : 'lost')?.()
    },
  })
  return {
    there,
    clock,
    channel,
    identities,
    store,
    statuses,
    client,
    /** Resolves when the status changes to this. */
    becomes: (what: 'connected' | 'lost'): Promise<void> =>
      new Promise((resolve) => {
        troubles.set(what, resolve)
      }),
    async [Symbol.asyncDispose](): Promise<void> {
      await client.close()
      await there[Symbol.asyncDispose]()
    },
  }
}

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

test('a renewed certificate makes a new connection, from where the old one was; new roots alone make none', async () => {
  await using at = await stage()
  at.client.start()
  void at.client.want('Endpoints', 'shop/orders')
  at.identities.replace(web)
  const first = await at.there.watch()
  first.tell(put(endpoints(['a']), 'v7'), SYNCED)
  await first.settled()
  const both = unwrap(createBundle('mesh.example', 2, [pki.root, makePki('mesh.example', NOW).root]))
  assert(at.identities.replaceRoots(both).ok)
  const renewed = { ...identityOf(pki, DAY_MS, WEB, NOW), bundle: both }
  at.identities.replace(renewed)
  const second = await at.there.watch()
  assert.deepEqual(second.callerDer, renewed.chain[0]?.der)
  assert.deepEqual(await second.hears('subscribe'), [
    { type: 'subscribe', kind: 'Endpoints', name: 'shop/orders', version: 'v7' },
  ])
  await second.settled()
  assert.equal(at.there.watchCount, 2)
  assert.equal(at.client.status.lossCount, 0)
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

test('a certificate that comes while we connect gets a connection of its own, after the one that it came too late for', async () => {
  await using at = await stage()
  at.client.start()
  at.identities.replace(web)
  const renewed = identityOf(pki, DAY_MS, WEB, NOW)
  at.identities.replace(renewed)
  const [first, second] = [await at.there.watch(), await at.there.watch()]
  assert.deepEqual([first.callerDer, second.callerDer], [web.chain[0]?.der, renewed.chain[0]?.der])
  await second.settled()
  assert.deepEqual([at.there.watchCount, at.client.status.lossCount], [2, 0])
})

test('a renewed certificate for which there is no connection yet costs nothing, and is tried again', async () => {
  await using at = await stage()
  at.client.start()
  at.identities.replace(web)
  const first = await at.there.watch()
  first.tell(SYNCED)
  await first.settled()
  at.channel.failureCount = 2
  const renewed = identityOf(pki, DAY_MS, WEB, NOW)
  at.identities.replace(renewed)
  await first.settled()
  assert.deepEqual([at.client.status.connected, at.client.status.lossCount], [true, 0])
  at.clock.turn(200)
  await first.settled()
  at.clock.turn(400)
  const second = await at.there.watch()
  assert.deepEqual(second.callerDer, renewed.chain[0]?.der)
  assert.deepEqual([at.client.status.connected, at.client.status.lossCount, at.statuses.length], [true, 0, 1])
})

test('a loss is told once, however often the connection is tried after it and was tried before', async () => {
  await using at = await stage()
  at.client.start()
  at.identities.replace(web)
  const first = await at.there.watch()
  first.tell(SYNCED)
  await first.settled()
  at.channel.failureCount = 4
  at.identities.replace(identityOf(pki, DAY_MS, WEB, NOW))
  await first.settled()
  const lost = at.becomes('lost')
  first.breakOff()
  await lost
  const again = at.becomes('connected')
  for (let i = 0; i < 3; i++) {
    at.clock.turn(3_000)
    await new Promise((resolve) => setImmediate(resolve))
  }
  at.clock.turn(3_000)
  const second = await at.there.watch()
  second.tell(SYNCED)
  await again
  assert.deepEqual(
    at.statuses.map(({ connected }) => connected),
    [true, false, true],
  )
  assert.equal(at.client.status.lossCount, 1)
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
