import assert from 'node:assert/strict'
import test from 'ava'
import { RecentDecisions } from '../../../sidecar/pipeline/recent-decisions.ts'
import { facts } from '../../support/worlds.ts'

const decided = (status: number) => ({ atMs: 0, traceId: undefined, generation: 1, status, steps: [] })

test('the last decisions are kept, the newest first', () => {
  const recent = new RecentDecisions(3)
  for (let status = 200; status < 203; status++) recent.add(facts(), decided(status))
  assert.deepEqual(
    recent.list().map(({ status }) => status),
    [202, 201, 200],
  )
  for (let status = 203; status < 208; status++) recent.add(facts(), decided(status))
  assert.deepEqual(
    recent.list().map(({ status }) => status),
    [207, 206, 205],
  )
})

test('nothing is kept that a query or a field may hold', () => {
  const recent = new RecentDecisions(3)
  recent.add(facts({ path: '/items?token=secret', fields: ['authorization', 'Bearer secret'] }), decided(200))
  assert.equal(recent.list()[0]?.path, '/items')
  assert.doesNotMatch(JSON.stringify(recent.list()), /secret/)
})

test('a capacity of nothing keeps nothing', () => {
  const recent = new RecentDecisions(0)
  recent.add(facts(), decided(200))
  assert.deepEqual(recent.list(), [])
})
