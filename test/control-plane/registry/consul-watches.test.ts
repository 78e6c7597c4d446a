import assert from 'node:assert/strict'
import test from 'ava'
import { ok, type Result } from '../../../certs/result.ts'
import { ConsulAvailability } from '../../../control-plane/registry/consul/consul-availability.ts'
import type { Ask, ConsulClient, KvOperation } from '../../../control-plane/registry/consul/consul-client.ts'
import { ConsulWatches } from '../../../control-plane/registry/consul/consul-watches.ts'
import { ConsulWrites } from '../../../control-plane/registry/consul/consul-writes.ts'
import { toAgentService } from '../../../control-plane/registry/consul/instance-view.ts'
import { REGISTRY_LIMITS } from '../../../control-plane/registry/registry-limits.ts'
import { sleep } from '../../../sidecar/core/clock.ts'
import { instance } from '../../compliance/registry.suite.ts'
import { HandTurnedClock } from './hand-turned-clock.ts'

const TTL_MS = 10_000

/** Watches whose Consul is the test: one instance of ours, whose check is passed or not. */
function stage() {
  const clock = new HandTurnedClock()
  const consul = { status: 'passing', isThere: true }
  const probe = async (): Promise<Result<string, { readonly detail: string }>> => ok(consul.isThere ? 'leader' : '')
  const availability = new ConsulAvailability(probe, clock, () => 0.5)
  let index = 1
  const client = {
    health: async (_: string, ask: Ask) => {
      // nothing changes by itself: a query that waits is only ever called off
      if (ask.kind === 'on-change') await new Promise((resolve) => ask.signal.addEventListener('abort', resolve))
      await sleep(clock, 100)
      const { name, meta } = toAgentService(instance('1', 'web'), TTL_MS)
      const checks = [{ id: 'service:1', status: consul.status }]
      const entry = {
        node: 'n',
        nodeAddress: '10.0.0.1',
        id: '1',
        service: name,
        address: '',
        port: 80,
        tags: [],
        meta,
      }
      return ok({ value: [{ ...entry, createIndex: 1, checks }], index: ++index, knowsLeader: consul.isThere })
    },
    services: async () => {
      await sleep(clock, 100)
      return ok({ value: ['consul', 'consul-esm', 'web'], index: ++index, knowsLeader: true })
    },
  } as unknown as ConsulClient
  const watches = new ConsulWatches({ where: 'consul://here', client, clock, random: () => 0.5, availability })
  const heard: string[] = []
  const watch = watches.instances('web', {
    onState: (instances) => heard.push(`${instances.length}`),
    onAvailability: (available) => heard.push(available ? 'back' : 'away'),
  })
  return { clock, consul, availability, watches, watch, heard }
}

test('an instance that missed its heartbeats while Consul was away has its time to live again, and no longer', async () => {
  const { clock, consul, availability, watch, heard } = stage()
  await clock.turn(1_000)
  consul.isThere = false
  await clock.turn(30_000)
  Object.assign(consul, { isThere: true, status: 'critical' })
  await clock.turn(4_000)
  assert.deepEqual(heard, ['1', 'away', 'back'])
  await clock.turn(TTL_MS)
  assert.deepEqual(heard, ['1', 'away', 'back', '0'])
  watch.stop()
  availability.stop()
})

test('a watch that was stopped says nothing, and leaves no timer', async () => {
  const { clock, consul, availability, watch, heard } = stage()
  await clock.turn(1_000)
  consul.isThere = false
  await clock.turn(5_000)
  consul.isThere = true
  consul.status = 'critical'
  await clock.turn(4_000)
  const before = [...heard]
  watch.stop()
  consul.isThere = false
  await clock.turn(60_000)
  assert.deepEqual(heard, before)
  availability.stop()
  assert.equal(clock.waitingCount, 0)
})

test('of two that write a large value at once, only the one whose value stays is told that it was written', async () => {
  const large = Buffer.alloc(REGISTRY_LIMITS.transactionBytes, 'a')
  const stored = (value: Buffer) => ({ key: 'k', value, modifyIndex: 9, session: undefined })
  const writesOver = (value: Buffer): ConsulWrites =>
    new ConsulWrites(
      {
        put: async () => ok(true),
        find: async () => ok({ value: stored(value), index: 9, knowsLeader: true }),
        transact: async (_: readonly KvOperation[]) => assert.fail('it is too large for a transaction'),
      } as unknown as ConsulClient,
      'consul://here',
    )
  assert.deepEqual(await writesOver(large).put('k', large, {}), ok(9))
  const overtaken = await writesOver(Buffer.from('of another')).put('k', large, {})
  assert(!overtaken.ok && overtaken.error.kind === 'conflict')
  assert.equal(overtaken.error.currentVersion, 9)
})

test('Consul itself is no service of the mesh, and whoever has a longer name is', async () => {
  const { clock, watches } = stage()
  const heard: (readonly string[])[] = []
  watches.services({ onState: (names) => heard.push(names), onAvailability: () => {} })
  await clock.turn(1_000)
  watches.stop()
  assert.deepEqual(heard, [['consul-esm', 'web']])
})
