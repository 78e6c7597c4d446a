import assert from 'node:assert/strict'
import test from 'ava'
import { createBundle } from '../../../certs/bundle.ts'
import { DAY_MS, makePki, unwrap } from '../../certs/mesh-pki.ts'
import { endpoints } from '../../support/resources.ts'
import { identityOf, WEB } from '../mtls/mesh-identity.ts'
import { NOW, pki, put, SYNCED, stage, web } from './watch-stage.ts'

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

test('the connection of the former certificate ends when the new one is there', async () => {
  await using at = await stage()
  at.client.start()
  at.identities.replace(web)
  const first = await at.there.watch()
  at.identities.replace(identityOf(pki, DAY_MS, WEB, NOW))
  const second = await at.there.watch()
  await first.over
  await second.settled()
})

test('what is held is stale since the loss, however often a connection fails after it', async () => {
  await using at = await stage()
  at.client.start()
  at.identities.replace(web)
  const first = await at.there.watch()
  first.tell(SYNCED)
  await first.settled()
  at.clock.turn(1_000)
  at.channel.failureCount = 2
  const lost = at.becomes('lost')
  first.breakOff()
  await lost
  for (let i = 0; i < 2; i++) {
    at.clock.turn(3_000)
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(at.client.status.staleSinceMs, NOW + 1_000)
  }
  assert.equal(at.client.status.trouble, 'the way is blocked')
})

test('whoever is closed while it connects leaves no connection, and comes back for no certificate', async () => {
  await using at = await stage()
  at.client.start()
  at.identities.replace(web)
  await at.client.close()
  await at.there.arrived()
  await at.there.allLeft()
  at.identities.replace(identityOf(pki, DAY_MS, WEB, NOW))
  at.clock.turn(60_000)
  assert.deepEqual([at.there.watchCount, at.channel.connectCount], [0, 1])
})
