import assert from 'node:assert/strict'
import test from 'ava'
import { ORDERS, poolSetting } from './link-pool-setting.ts'
import { statesOf } from './recorded-try.ts'

test('a renewed certificate makes a new link before the old one is let go', () => {
  const { dialer, pool, open, standing } = poolSetting()
  const old = standing()
  const tries = open(1)
  pool.renewAll()
  assert.equal(dialer.pending.length, 1)
  tries.push(...open(1))
  assert.equal(statesOf(tries), 'runs runs', 'the old link serves meanwhile')
  assert.deepEqual([old.openStreamCount, old.isRetired], [2, false])
  const renewed = dialer.last.succeed()
  assert(old.isRetired)
  open(1)
  assert.deepEqual([old.openStreamCount, renewed.openStreamCount], [2, 1])
  old.answer()
  old.answer()
  assert.equal(statesOf(tries), '200 200', 'nothing was cut')
})

test('a renewal with no link and no dial does nothing', () => {
  const { dialer, pool, open, standing } = poolSetting()
  pool.renewAll()
  standing().destroy()
  pool.renewAll()
  assert.equal(dialer.pending.length, 0)
  open(1)
  dialer.last.succeed()
  assert.deepEqual(pool.counts, { links: 1, streams: 1 })
})

test('of several links the first new one relieves all, and more follow as tries want them', () => {
  const { dialer, pool, open } = poolSetting(3)
  const tries = open(3)
  const olds = [dialer.last.succeed(1), dialer.last.succeed(1), dialer.last.succeed(1)]
  pool.renewAll()
  tries.push(...open(2))
  assert.equal(statesOf(tries), 'runs runs runs waits waits')
  dialer.last.succeed(1)
  assert(olds.every(({ isRetired }) => isRetired))
  assert.equal(statesOf(tries), 'runs runs runs runs waits')
  dialer.last.succeed(1)
  assert.equal(statesOf(tries), 'runs runs runs runs runs')
})

test('a link whose dial began before the renewal serves nothing that waits: one with the new certificate follows', () => {
  const { dialer, pool, open } = poolSetting()
  const tries = open(1)
  pool.renewAll()
  assert.equal(dialer.pending.length, 1, 'no second dial yet')
  const stale = dialer.last.succeed()
  assert.deepEqual([statesOf(tries), stale.isRetired], ['waits', false])
  dialer.last.succeed()
  assert.deepEqual([statesOf(tries), stale.isRetired], ['runs', true])
})

test('a link made stale by the renewal serves new tries until the next one stands', () => {
  const { dialer, pool, open } = poolSetting()
  const [only] = open(1)
  assert(only !== undefined)
  pool.abandon(ORDERS, only)
  pool.renewAll()
  const stale = dialer.last.succeed()
  assert.equal(statesOf(open(1)), 'runs')
  assert.equal(stale.openStreamCount, 1)
  const renewed = dialer.last.succeed()
  assert(stale.isRetired && !renewed.isRetired)
})

test('two renewals in a row end with one link of the last, and the others retired', () => {
  const { dialer, pool, open, standing } = poolSetting()
  const first = standing()
  pool.renewAll()
  pool.renewAll()
  const second = dialer.last.succeed()
  assert.deepEqual([first.isRetired, second.isRetired], [false, false])
  const third = dialer.last.succeed()
  assert.deepEqual([first.isRetired, second.isRetired, third.isRetired], [true, true, false])
  open(1)
  assert.equal(third.openStreamCount, 1)
  assert.deepEqual([pool.counts.links, dialer.pending.length], [1, 0])
})

test('when the renewed link can not be made the old one serves on', () => {
  const { dialer, pool, open, standing } = poolSetting()
  const old = standing()
  pool.renewAll()
  dialer.last.fail()
  assert.equal(statesOf(open(2)), 'runs runs')
  assert.deepEqual([old.openStreamCount, old.isRetired], [2, false])
})

test('an old link that breaks off during the renewal is no loss to those that wait', () => {
  const { dialer, pool, open, standing } = poolSetting()
  const old = standing(1)
  const tries = open(1)
  pool.renewAll()
  tries.push(...open(1))
  old.destroy()
  assert.equal(statesOf(tries), 'reset waits')
  dialer.last.succeed()
  assert.equal(statesOf(tries), 'reset runs')
})

test('every endpoint is renewed', () => {
  const { dialer, pool, standing } = poolSetting()
  const other = { ...ORDERS, id: 'orders-2', port: 15_009 }
  const olds = [standing(), standing(100, other)]
  pool.renewAll()
  assert.deepEqual(
    dialer.pending.map(({ endpoint }) => endpoint.id),
    ['orders-1', 'orders-2'],
  )
  for (const dial of dialer.pending) dial.succeed()
  assert(olds.every(({ isRetired }) => isRetired))
})

// A stale dial that fails must leave no trace: the dial after it begins with the new certificate.
test('a link that is dialled after a stale dial has failed is fresh: it serves at once', () => {
  const { dialer, pool, open } = poolSetting()
  open(1)
  pool.renewAll()
  dialer.last.fail()
  const tries = open(1)
  dialer.last.succeed()
  assert.equal(statesOf(tries), 'runs')
})

// The link of the replaced certificate is all there is: nobody asks for another until it is full or closes.
test('a renewal that failed is made again by the next one', () => {
  const { dialer, pool, standing } = poolSetting()
  standing()
  pool.renewAll()
  dialer.last.fail()
  pool.renewAll()
  assert.equal(dialer.pending.length, 1)
})

// They wait behind the handshake, and a failed one fails them, though the link that carried all before them has room.
test('a try that waits during a renewal goes on the old link as soon as that has room', () => {
  const { dialer, pool, open, standing } = poolSetting()
  const old = standing(1)
  const tries = open(1)
  pool.renewAll()
  tries.push(...open(1))
  old.answer()
  assert.equal(statesOf(tries), '200 runs')
  assert.equal(dialer.pending.length, 1)
})
