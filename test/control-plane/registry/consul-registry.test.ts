import assert from 'node:assert/strict'
import test from 'ava'

import { CONSUL_CONNECTIONS } from '../../../control-plane/registry/consul/consul-client.ts'
import { openRegistry } from '../../../control-plane/registry/open-registry.ts'
import type { Entry, Instance, Registry } from '../../../control-plane/registry/registry.ts'
import { sleep, systemClock } from '../../../sidecar/core/clock.ts'
import { seededRandom } from '../../../sidecar/core/random.ts'
import { got, instance } from '../../compliance/registry.suite.ts'
import { Told } from '../../compliance/told.ts'
import { ConsulAgent, isConsulInstalled } from '../../support/consul-agent.ts'

const never = new AbortController().signal

async function open(agent: ConsulAgent, token?: string): Promise<Registry> {
  const seams = { clock: systemClock, random: seededRandom(11) }
  const opened = await openRegistry(agent.url, token === undefined ? seams : { ...seams, consulToken: token })
  if (!opened.ok) throw new Error(opened.error)
  return opened.value
}

/** Watches of each kind on a store that holds one entry and one instance. */
async function watchAll(registry: Registry) {
  got(await registry.put('mesh/a', Buffer.from('1')))
  got(await registry.register(instance('web-1', 'web'), 3_000))
  const entries = new Told<readonly Entry[]>()
  const services = new Told<readonly string[]>()
  const instances = new Told<readonly Instance[]>()
  registry.watchPrefix('mesh/', entries)
  registry.watchServices(services)
  registry.watchInstances('web', instances)
  await entries.until((all) => all.length === 1)
  await services.until((all) => all.includes('web'))
  await instances.until((all) => all.length === 1)
  const all = [entries, services, instances] as const
  return {
    entries,
    instances,
    all,
    assertNeverEmpty() {
      for (const told of all)
        assert(
          told.states.every((state) => state.length > 0),
          JSON.stringify(told.states),
        )
    },
    async beatUntilCalm(id: string) {
      for (let i = 0; i < 4; i++) {
        await registry.heartbeat(id)
        await sleep(systemClock, 1_000)
      }
    },
  }
}

if (isConsulInstalled('the Consul registry and its absences')) {
  test('Consul stops and comes back with its data: watches keep their state, and go on', async () => {
    await using agent = await ConsulAgent.start()
    await using registry = await open(agent)
    const watches = await watchAll(registry)
    await agent.stop()
    for (const told of watches.all) await told.untilAvailable(false)
    const startedMs = systemClock.nowMs()
    for (const answer of [
      await registry.get('mesh/a'),
      await registry.put('mesh/a', Buffer.from('2')),
      await registry.list('mesh/'),
      await registry.heartbeat('web-1'),
      await registry.register(instance('web-2', 'web'), 3_000),
      await registry.deregister('web-1'),
    ]) {
      assert(!answer.ok && answer.error.kind === 'unavailable')
      assert(answer.error.detail.includes(agent.url))
    }
    assert(systemClock.nowMs() - startedMs < 30_000, 'operations end in bounded time')
    await sleep(systemClock, 3_500)
    await agent.resume()
    for (const told of watches.all) await told.untilAvailable(true)
    await watches.beatUntilCalm('web-1')
    watches.assertNeverEmpty()
    assert.deepEqual(
      watches.all.map(({ states }) => states.length),
      [1, 1, 1],
    )
    assert.deepEqual(watches.entries.availability, [false, true])
    got(await registry.put('mesh/b', Buffer.from('2')))
    await watches.entries.until((all) => all.length === 2)
  })

  test('Consul stands still for some seconds: operations end, watches keep their state, no instance is lost', async () => {
    await using agent = await ConsulAgent.start()
    await using registry = await open(agent)
    const watches = await watchAll(registry)
    agent.pause()
    const stuck = await registry.heartbeat('web-1')
    assert(!stuck.ok && stuck.error.kind === 'unavailable')
    for (const told of watches.all) await told.untilAvailable(false)
    agent.unpause()
    for (const told of watches.all) await told.untilAvailable(true)
    await watches.beatUntilCalm('web-1')
    watches.assertNeverEmpty()
    got(await registry.put('mesh/b', Buffer.from('2')))
    await watches.entries.until((all) => all.length === 2)
    await watches.instances.until((all) => all.length === 0, 'an instance that stays silent to fall out after all')
  })

  test('hundreds of watches need no more connections than an agent grants', async () => {
    await using agent = await ConsulAgent.start()
    await using registry = await open(agent)
    const told = Array.from({ length: 210 }, () => new Told<readonly Instance[]>())
    for (const [i, listener] of told.entries()) registry.watchInstances(`s${i}`, listener)
    await Promise.all(told.map((listener) => listener.until((all) => all.length === 0)))
    got(await registry.put('k', Buffer.from('v')))
    const sockets = process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length
    assert(CONSUL_CONNECTIONS.blocking + CONSUL_CONNECTIONS.other < 200)
    assert(sockets <= CONSUL_CONNECTIONS.blocking + CONSUL_CONNECTIONS.other + 60, `${sockets} sockets`)
    got(await registry.register(instance('late', 's209'), 120_000))
    await told.at(-1)?.until((all) => all.length === 1, 'a service without a slot to be seen to change')
  })

  test('what others registered is seen as it is, and only while it is healthy', async () => {
    await using agent = await ConsulAgent.start()
    await using registry = await open(agent)
    const told = new Told<readonly Instance[]>()
    registry.watchInstances('spring', told)
    const service = { Name: 'spring', Port: 8080, Tags: ['a'], Meta: { secure: 'false' }, Check: { TTL: '60s' } }
    await agent.call('PUT', '/v1/agent/service/register', service)
    await told.until((all) => all.length === 0)
    await agent.call('PUT', '/v1/agent/check/pass/service:spring')
    const spring = { service: 'spring', address: '127.0.0.1', port: 8080, meta: { secure: 'false' }, tags: ['a'] }
    assert.deepEqual(await told.until((all) => all.length === 1), [{ id: 'test/spring', ...spring }])
    await agent.call('PUT', '/v1/agent/check/fail/service:spring')
    await told.until((all) => all.length === 0)
  })

  test('a lock whose session was ended is lost, its writes are refused, and the next holder has a higher token', async () => {
    await using agent = await ConsulAgent.start()
    await using registry = await open(agent)
    await using other = await open(agent)
    const lock = await registry.acquireLock('leader', never)
    assert(lock !== undefined)
    const sessions: { ID: string }[] = JSON.parse((await agent.call('GET', '/v1/session/list')).body)
    assert.equal(sessions.length, 1)
    const waiting = other.acquireLock('leader', never)
    await agent.call('PUT', `/v1/session/destroy/${sessions[0]?.ID}`)
    const refused = await registry.put('k', Buffer.from('old'), { lock })
    assert(!refused.ok && refused.error.kind === 'fenced')
    assert(lock.lost.aborted)
    const next = await waiting
    assert(next !== undefined && next.fencingToken > lock.fencingToken)
    got(await other.put('k', Buffer.from('new'), { lock: next }))
  })

  test('a holder that only renews learns that its session was ended', async () => {
    await using agent = await ConsulAgent.start()
    await using registry = await open(agent)
    const lock = await registry.acquireLock('leader', never)
    assert(lock !== undefined)
    const [session] = JSON.parse((await agent.call('GET', '/v1/session/list')).body) as { ID: string }[]
    await agent.call('PUT', `/v1/session/destroy/${session?.ID}`)
    await new Promise((resolve) => lock.lost.addEventListener('abort', resolve, { once: true }))
  })

  test('the ACL token is sent, its lack is denied, and no message holds it', async () => {
    const secret = '5ec4e7aa-0000-4000-8000-000000000001'
    const acl = { enabled: true, default_policy: 'deny', tokens: { master: secret, agent: secret } }
    await using agent = await ConsulAgent.start({ config: { acl }, token: secret })
    const wrong = '5ec4e7aa-ffff-4fff-8fff-ffffffffffff'
    const opened = await openRegistry(agent.url, { clock: systemClock, random: seededRandom(1), consulToken: wrong })
    assert(!opened.ok && /does not know the ACL token/.test(opened.error) && !opened.error.includes(wrong))
    await using anonymous = await open(agent)
    const refused = await anonymous.put('k', Buffer.from('v'))
    assert(!refused.ok && refused.error.kind === 'denied')
    const told = new Told<readonly Entry[]>()
    await using registry = await open(agent, secret)
    got(await registry.put('k', Buffer.from('v')))
    got(await registry.register(instance('web-1', 'web'), 10_000))
    registry.watchPrefix('', told)
    await told.until((all) => all.length === 1)
    await agent.stop()
    await told.untilAvailable(false)
    const away = await registry.get('k')
    assert(!away.ok)
    for (const text of [registry.description, away.error.detail, ...told.details]) assert(!text.includes(secret))
  })
} else {
  test('the Consul registry is not tested without Consul', () => {})
}
