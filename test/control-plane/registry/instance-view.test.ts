import assert from 'node:assert/strict'
import test from 'ava'

import type { HealthEntry } from '../../../control-plane/registry/consul/consul-answers.ts'
import { toAgentService, viewInstances } from '../../../control-plane/registry/consul/instance-view.ts'
import { instance } from '../../compliance/registry.suite.ts'

const entry = (rest: Partial<HealthEntry>): HealthEntry => ({
  node: 'node-1',
  nodeAddress: '10.0.0.1',
  id: 'web',
  service: 'web',
  address: '',
  port: 80,
  tags: [],
  meta: {},
  createIndex: 1,
  checks: [{ id: 'serfHealth', status: 'passing' }],
  ...rest,
})

const ours = (id: string, status: string, rest: Partial<HealthEntry> = {}): HealthEntry => {
  const { name, meta } = toAgentService(instance(id, 'web'), 10_000)
  const checks = [
    { id: 'serfHealth', status: 'passing' },
    { id: `service:${id}`, status },
  ]
  return entry({ id, service: name, address: '10.0.0.9', meta, checks, ...rest })
}

const idsOf = (view: ReturnType<typeof viewInstances>): string[] => view.instances.map(({ id }) => id)
const calm = { nowMs: 100_000, upSinceMs: 0, told: [] }

test('viewInstances shows what others registered as it is, with the address of the node where there is no other', () => {
  const spring = entry({ meta: { secure: 'false' }, tags: ['zone=a'] })
  assert.deepEqual(viewInstances([spring], calm).instances, [
    { id: 'node-1/web', service: 'web', address: '10.0.0.1', port: 80, meta: { secure: 'false' }, tags: ['zone=a'] },
  ])
})

test('viewInstances keeps instances of two nodes apart that have one id, and sorts by id', () => {
  const view = viewInstances([entry({ node: 'b' }), entry({ node: 'a' }), ours('0', 'passing')], calm)
  assert.deepEqual(idsOf(view), ['0', 'a/web', 'b/web'])
})

test('viewInstances leaves out what warns, what is critical, and what is on a node that failed', () => {
  const bad = ['warning', 'critical', 'maintenance'].map((status) =>
    entry({ node: status, checks: [{ id: 'x', status }] }),
  )
  assert.deepEqual(idsOf(viewInstances(bad, { ...calm, nowMs: 1, told: undefined })), [])
})

test('viewInstances takes the younger of two registrations of one instance', () => {
  const view = viewInstances(
    [
      ours('1', 'passing', { createIndex: 9, port: 99 }),
      ours('1', 'passing', { createIndex: 3, port: 33, node: 'other' }),
    ],
    calm,
  )
  assert.deepEqual(
    view.instances.map(({ port }) => port),
    [99],
  )
})

test('viewInstances keeps who was healthy while Consul is away and for a time to live after it', () => {
  const silent = [ours('known', 'critical'), ours('dead before', 'critical')]
  const told = [instance('known', 'web')]
  assert.deepEqual(idsOf(viewInstances(silent, { nowMs: 50_000, upSinceMs: undefined, told })), ['known'])
  const justBack = viewInstances(silent, { nowMs: 54_000, upSinceMs: 50_000, told })
  assert.deepEqual(idsOf(justBack), ['known'])
  assert.equal(justBack.judgeAgainInMs, 6_000)
  assert.deepEqual(idsOf(viewInstances(silent, { nowMs: 60_000, upSinceMs: 50_000, told })), [])
})

test('viewInstances forgives everybody a missed heartbeat when nothing was told yet', () => {
  const view = viewInstances([ours('1', 'critical')], { nowMs: 1_000, upSinceMs: 900, told: undefined })
  assert.deepEqual(idsOf(view), ['1'])
})

test('viewInstances never forgives the checks of others, nor a failed node', () => {
  const failedNode = ours('1', 'critical', {
    checks: [
      { id: 'serfHealth', status: 'critical' },
      { id: 'service:1', status: 'critical' },
    ],
  })
  const foreign = entry({ checks: [{ id: 'service:web', status: 'critical' }] })
  assert.deepEqual(idsOf(viewInstances([failedNode, foreign], { nowMs: 1, upSinceMs: undefined, told: undefined })), [])
})

test('viewInstances is to judge again when the first grace of several ends', () => {
  const long = ours('2', 'critical')
  const entries = [{ ...long, meta: { ...long.meta, 'outrigger-ttl-ms': '30000' } }, ours('1', 'critical')]
  const view = viewInstances(entries, { nowMs: 4_000, upSinceMs: 1_000, told: undefined })
  assert.equal(view.judgeAgainInMs, 7_000)
})
