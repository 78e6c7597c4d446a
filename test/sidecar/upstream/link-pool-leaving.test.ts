import assert from 'node:assert/strict'
import test from 'ava'
import { ORDERS, poolSetting } from './link-pool-setting.ts'
import { type RecordedTry, statesOf } from './recorded-try.ts'

/** How long links to an endpoint that nobody talks to are kept. */
const IDLE_LINK_MS = 300_000
const NOBODY: ReadonlySet<string> = new Set()
const STAYS: ReadonlySet<string> = new Set([ORDERS.id])

test('links to an endpoint that is gone take nothing new and finish what they carry', () => {
  const { dialer, pool, open, standing } = poolSetting()
  const link = standing()
  const tries = open(1)
  pool.retain(NOBODY)
  assert(link.isRetired && !link.isClosed)
  assert.deepEqual(pool.counts, { links: 0, streams: 1 })
  link.answer()
  assert.equal(statesOf(tries), '200')
  open(1)
  assert.equal(dialer.pending.length, 1, 'one that comes back is dialled anew')
})

test('an endpoint that leaves while its links are renewed leaves with the old ones too', () => {
  const { pool, standing } = poolSetting()
  const old = standing()
  pool.renewAll()
  pool.retain(NOBODY)
  assert(old.isRetired)
})

test('an endpoint that nobody talks to for long is let go, and not before', () => {
  const { clock, pool, standing } = poolSetting()
  const link = standing()
  clock.turn(IDLE_LINK_MS)
  pool.retain(STAYS)
  assert(!link.isRetired)
  clock.turn(1)
  pool.retain(STAYS)
  assert(link.isRetired)
})

test('a try makes an endpoint one that is talked to', () => {
  const { clock, pool, open, standing } = poolSetting()
  const link = standing()
  clock.turn(IDLE_LINK_MS)
  open(1)
  link.answer()
  clock.turn(IDLE_LINK_MS)
  pool.retain(STAYS)
  assert(!link.isRetired)
})

test('a link that carries one stream for hours is not idle', () => {
  const { clock, pool, open, standing } = poolSetting()
  const link = standing()
  open(1)
  clock.turn(10 * IDLE_LINK_MS)
  pool.retain(STAYS)
  assert(!link.isRetired)
  link.answer()
  pool.retain(STAYS)
  assert(link.isRetired)
})

for (const [what, change] of [
  ['another address', { address: '127.0.0.2' }],
  ['another port', { port: 15_009 }],
  ['another identity', { identity: 'spiffe://mesh.local/ns/shop/sa/other' }],
] as const) {
  test(`an endpoint that has ${what} by now is dialled there, and its old links finish`, () => {
    const { dialer, pool, open, standing } = poolSetting()
    const old = standing()
    const tries = open(1)
    const moved = { ...ORDERS, ...change }
    tries.push(...open(1, moved))
    assert.equal(statesOf(tries), 'runs waits')
    assert(old.isRetired)
    assert.equal(dialer.last.endpoint, moved)
    dialer.last.succeed()
    assert.equal(statesOf(tries), 'runs runs')
    assert.deepEqual(pool.counts, { links: 1, streams: 2 })
    old.answer()
    assert.equal(statesOf(tries), '200 runs')
  })
}

test('the same endpoint in a new snapshot, with other labels, keeps its links', () => {
  const { dialer, open, standing } = poolSetting()
  standing()
  assert.equal(statesOf(open(1, { ...ORDERS, weight: 2, labels: { version: 'v2' } })), 'runs')
  assert.equal(dialer.dials.length, 1)
})

test('a pool that is destroyed breaks off every link, those of the old certificate too', () => {
  const { pool, open, standing } = poolSetting()
  const link = standing()
  const other = standing(100, { ...ORDERS, id: 'orders-2', port: 15_009 })
  const tries = open(2)
  pool.renewAll()
  pool.destroy()
  assert(link.isClosed && other.isClosed)
  assert.equal(statesOf(tries), 'reset reset')
  assert.deepEqual(pool.counts, { links: 0, streams: 0 })
})

test('a try that waits where its endpoint moved away from can still be abandoned', () => {
  const { dialer, pool, open } = poolSetting()
  const [first] = open(1)
  assert(first !== undefined)
  const moved = { ...ORDERS, port: 15_009 }
  open(1, moved)
  pool.abandon(ORDERS, first)
  dialer.dials[0]?.succeed()
  assert.equal(first.state, 'waits')
})

test('a link whose endpoint moved while it was dialled is closed when nobody needs it any more', () => {
  const { dialer, open } = poolSetting()
  open(1)
  open(1, { ...ORDERS, port: 15_009 })
  const late = dialer.dials[0]?.succeed()
  late?.finish()
  assert(late?.isClosed)
})

test('a link whose endpoint left while it was dialled is closed when nobody needs it any more', () => {
  const { dialer, pool, open } = poolSetting()
  open(1)
  pool.retain(NOBODY)
  const late = dialer.last.succeed()
  late.finish()
  assert(late.isClosed)
})

test('tries that wait where their endpoint moved away from go on its old link as it gets room, and then it is let go', () => {
  const { dialer, open, standing } = poolSetting()
  const old = standing(1)
  const tries = open(3)
  assert.equal(statesOf(tries), 'runs waits waits')
  open(1, { ...ORDERS, port: 15_009 })
  assert.equal(old.isRetired, false)
  old.answer()
  old.answer()
  assert.equal(statesOf(tries), '200 200 runs')
  assert.equal(old.isRetired, true)
  old.finish()
  assert.equal(statesOf(tries), '200 200 200')
  assert.equal(dialer.dials.length, 2, 'nothing is dialled where it was before')
})

test('… or hear that it is gone, if it is', () => {
  const { open, standing } = poolSetting()
  const old = standing(1)
  const tries = open(2)
  open(1, { ...ORDERS, port: 15_009 })
  old.destroy()
  assert.equal(statesOf(tries), 'reset connect-failure')
})

test('… or that no second one could be made, and then it is let go, too', () => {
  const { dialer, open, standing } = poolSetting(2)
  const old = standing(1)
  const tries = open(2)
  open(1, { ...ORDERS, port: 15_009 })
  dialer.dials[1]?.fail()
  assert.equal(statesOf(tries), 'runs connect-failure')
  assert.equal(old.isRetired, true)
})

test('a dial that began with the old certificate serves those that waited, where their endpoint has moved away meanwhile', () => {
  const { dialer, pool, open } = poolSetting()
  const tries = open(1)
  pool.renewAll()
  open(1, { ...ORDERS, port: 15_009 })
  dialer.dials[0]?.succeed()
  assert.equal(statesOf(tries), 'runs')
})

test('an old link is let go when the last that waited for it gives up', () => {
  const { pool, open, standing } = poolSetting()
  const old = standing(1)
  const [, waits] = open(2)
  assert(waits !== undefined)
  open(1, { ...ORDERS, port: 15_009 })
  pool.abandon(ORDERS, waits)
  assert.equal(old.isRetired, true)
})

test('a pool that is destroyed makes no links any more, and tells each try so, one that is made anew meanwhile, too', () => {
  const { dialer, pool, open } = poolSetting()
  const [waits] = open(1)
  const again: RecordedTry[] = []
  assert(waits !== undefined)
  waits.onFailed = () => again.push(...open(1))
  pool.destroy()
  assert.equal(statesOf([waits, ...again, ...open(1)]), 'connect-failure connect-failure connect-failure')
  assert.equal(dialer.dials.length, 1)
})

test('a link that is made after the pool was destroyed is closed', () => {
  const { dialer, pool, open } = poolSetting()
  open(1)
  pool.destroy()
  assert(dialer.last.succeed().isClosed)
})

test('destroying the pool fails those that wait, and dials nothing more', () => {
  const { dialer, pool, open, standing } = poolSetting()
  standing(1)
  const tries = open(2)
  pool.destroy()
  assert.equal(dialer.pending.length, 0)
  assert.match(statesOf(tries), /^reset (?!waits)/)
})

test('destroying the pool breaks off links that were let go and still carry something', () => {
  const { dialer, pool, open, standing } = poolSetting()
  const old = standing()
  open(1)
  pool.renewAll()
  dialer.last.succeed()
  pool.destroy()
  assert(old.isClosed)
})
