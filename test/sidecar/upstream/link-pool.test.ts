import assert from 'node:assert/strict'
import test from 'ava'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import { ORDERS, poolSetting } from './link-pool-setting.ts'
import { RecordedTry, statesOf } from './recorded-try.ts'

test('the first try dials its endpoint with its timeout, and goes when the link stands', () => {
  const { dialer, open } = poolSetting()
  const tries = open(1)
  assert.equal(statesOf(tries), 'waits')
  assert.deepEqual([dialer.last.endpoint, dialer.last.timeoutMs], [ORDERS, 1_000])
  const link = dialer.last.succeed()
  assert.equal(statesOf(tries), 'runs')
  link.answer()
  assert.equal(statesOf(tries), '200')
})

test('a try goes at once where a link stands', () => {
  const { dialer, open, standing } = poolSetting()
  const link = standing()
  assert.equal(statesOf(open(3)), 'runs runs runs')
  assert.equal(link.openStreamCount, 3)
  assert.equal(dialer.dials.length, 1)
})

test('all that come while a dial is under way wait for it, and go in their order', () => {
  const { dialer, open } = poolSetting(10)
  const order: number[] = []
  const tries = open(3)
  for (const [i, one] of tries.entries()) one.onStarted = () => order.push(i)
  assert.equal(dialer.dials.length, 1)
  dialer.last.succeed()
  assert.deepEqual(order, [0, 1, 2])
  assert.equal(dialer.dials.length, 1)
})

test('a failed dial fails all that wait with its own error, and the next try dials again', () => {
  const { dialer, open } = poolSetting()
  const tries = open(3)
  dialer.last.fail('ECONNREFUSED')
  assert.equal(statesOf(tries), 'connect-failure connect-failure connect-failure')
  assert.equal(tries[2]?.errors[0]?.detail, 'ECONNREFUSED')
  assert.equal(dialer.pending.length, 0)
  const [next] = open(1)
  dialer.last.succeed()
  assert.equal(next?.state, 'runs')
})

test('an exchange that tries again when its dial has failed gets another dial, once', () => {
  const { dialer, pool, open } = poolSetting()
  const [first] = open(1)
  const again = new RecordedTry()
  assert(first !== undefined)
  first.onFailed = () => pool.open(ORDERS, again, 1_000, 1)
  dialer.last.fail()
  assert.equal(statesOf([first, again]), 'connect-failure waits')
  dialer.last.succeed()
  assert.equal(statesOf([first, again]), 'connect-failure runs')
})

test('another link is made when the streams of those that stand run out', () => {
  const { dialer, open, standing } = poolSetting(2)
  const first = standing(2)
  const tries = open(3)
  assert.equal(statesOf(tries), 'runs runs waits')
  const second = dialer.last.succeed(2)
  assert.equal(statesOf(tries), 'runs runs runs')
  assert.deepEqual([first.openStreamCount, second.openStreamCount], [2, 1])
})

test('links are dialled one after the other, as long as tries wait', () => {
  const { dialer, open } = poolSetting(10)
  const tries = open(3)
  dialer.last.succeed(1)
  dialer.last.succeed(1)
  dialer.last.succeed(1)
  assert.equal(statesOf(tries), 'runs runs runs')
  assert.equal(dialer.dials.length, 3)
})

test('at the limit of links tries wait for a stream to end', () => {
  const { dialer, open } = poolSetting(2)
  const tries = open(4)
  const first = dialer.last.succeed(1)
  const second = dialer.last.succeed(1)
  assert.equal(statesOf(tries), 'runs runs waits waits')
  assert.equal(dialer.pending.length, 0)
  second.answer()
  assert.equal(statesOf(tries), 'runs 200 runs waits')
  first.answer()
  assert.equal(statesOf(tries), '200 200 runs runs')
})

test('a limit of no links at all still lets one be made', () => {
  const { dialer, open } = poolSetting(0)
  const tries = open(2)
  dialer.last.succeed(1)
  assert.equal(statesOf(tries), 'runs waits')
  assert.equal(dialer.pending.length, 0)
})

test('tries that wait go when the peer allows more streams', () => {
  const { open, standing } = poolSetting()
  const link = standing(1)
  const tries = open(3)
  link.setStreamLimit(2)
  assert.equal(statesOf(tries), 'runs runs waits')
})

test('a try does not overtake those that wait, though there is room by now', () => {
  const { open, standing } = poolSetting()
  const link = standing(1)
  const tries = open(2)
  link.streamLimit = 2 // not told yet
  tries.push(...open(1))
  assert.equal(statesOf(tries), 'runs waits waits')
  link.setStreamLimit(2)
  assert.equal(statesOf(tries), 'runs runs waits')
})

test('one try more than may wait is refused at once, and those that wait keep their places', () => {
  const { dialer, open } = poolSetting()
  const tries = open(LIMITS.pendingPerEndpointCount)
  const [refused] = open(1)
  assert.equal(refused?.state, 'circuit-open')
  assert.match(refused?.errors[0]?.detail ?? '', /1024 requests already wait for a connection to orders-1/)
  dialer.last.succeed(10_000)
  assert(tries.every(({ state }) => state === 'runs'))
})

test('of a service that lets fewer wait one more is refused at once; what finds room is not counted', () => {
  const { pool, open, standing } = poolSetting()
  const link = standing(1)
  const tries = open(1)
  for (let i = 0; i < 3; i++) {
    const one = new RecordedTry()
    tries.push(one)
    pool.open(ORDERS, one, 1_000, 1, 2)
  }
  assert.equal(statesOf(tries), 'runs waits waits circuit-open')
  link.answer()
  assert.equal(statesOf(tries), '200 runs waits circuit-open')
  link.setStreamLimit(3)
  const last = new RecordedTry()
  pool.open(ORDERS, last, 1_000, 1, 0)
  assert.equal(statesOf([...tries, last]), '200 runs runs circuit-open runs')
})

test('a try that is abandoned while it waits hears nothing more and holds no place', () => {
  for (const isGood of [true, false]) {
    const { dialer, pool, open } = poolSetting()
    const [first, second, third] = open(3)
    assert(first !== undefined && second !== undefined && third !== undefined)
    pool.abandon(ORDERS, second)
    if (isGood) dialer.last.succeed(2)
    else dialer.last.fail()
    const others = isGood ? 'runs' : 'connect-failure'
    assert.equal(statesOf([first, second, third]), `${others} waits ${others}`)
  }
})

test('a link that nobody waits for any more is kept for the next try', () => {
  const { dialer, pool, open } = poolSetting()
  const [only] = open(1)
  assert(only !== undefined)
  pool.abandon(ORDERS, only)
  dialer.last.succeed()
  assert.equal(statesOf(open(1)), 'runs')
  assert.equal(dialer.dials.length, 1)
})

test('abandoning what never waited, or an endpoint never heard of, does nothing', () => {
  const { pool, open, standing } = poolSetting()
  pool.abandon(ORDERS, new RecordedTry())
  const link = standing()
  const [running] = open(1)
  assert(running !== undefined)
  pool.abandon(ORDERS, running)
  link.answer()
  assert.equal(running.state, '200')
})

test('a link that closes at the very moment of sending fails the try that was next, safely for a repeat', () => {
  const { open, standing } = poolSetting()
  const link = standing(1)
  const tries = open(2)
  link.takesNothing = true
  link.answer()
  assert.equal(statesOf(tries), '200 connect-failure')
  assert.match(tries[1]?.errors[0]?.detail ?? '', /orders-1 closed before the request was sent/)
})

test('a link that breaks off is made anew for those that wait', () => {
  const { dialer, open, standing } = poolSetting()
  const link = standing(1)
  const tries = open(3)
  assert.equal(dialer.pending.length, 0)
  link.destroy()
  assert.equal(statesOf(tries), 'reset waits waits')
  dialer.last.succeed()
  assert.equal(statesOf(tries), 'reset runs runs')
})

test('a link that breaks off while nobody waits is made anew for the next try only', () => {
  const { dialer, open, standing } = poolSetting()
  standing().destroy()
  assert.equal(dialer.pending.length, 0)
  open(1)
  assert.equal(dialer.pending.length, 1)
})

test('a link whose peer goes away takes nothing new, finishes what it carries, and leaves its place to another', () => {
  const { dialer, pool, open, standing } = poolSetting()
  const leaving = standing()
  const tries = open(1)
  leaving.goAway()
  tries.push(...open(1))
  assert.equal(statesOf(tries), 'runs waits')
  const next = dialer.last.succeed()
  assert.equal(statesOf(tries), 'runs runs')
  assert.deepEqual([leaving.openStreamCount, next.openStreamCount], [1, 1])
  assert.deepEqual(pool.counts, { links: 1, streams: 2 })
  leaving.answer()
  assert.equal(statesOf(tries), '200 runs')
})

test('with several links each try goes on the first that has room', () => {
  const { dialer, open } = poolSetting(3)
  open(3)
  const links = [dialer.last.succeed(1), dialer.last.succeed(1), dialer.last.succeed(1)]
  links[1]?.answer()
  open(1)
  assert.deepEqual(
    links.map(({ openStreamCount }) => openStreamCount),
    [1, 1, 1],
  )
  links[0]?.destroy()
  links[2]?.answer()
  assert.equal(statesOf(open(1)), 'runs')
  assert.equal(links[2]?.openStreamCount, 1)
})

test('each endpoint has links of its own: what waits for one holds up no other', () => {
  const { dialer, open } = poolSetting()
  const other = { ...ORDERS, id: 'orders-2', port: 15_009 }
  const [one] = open(1)
  const [two] = open(1, other)
  const [first, second] = dialer.pending
  second?.succeed()
  assert.equal(`${one?.state} ${two?.state}`, 'waits runs')
  first?.fail()
  assert.equal(`${one?.state} ${two?.state}`, 'connect-failure runs')
})

test('counts are of the links that take streams, and of the streams of all', () => {
  const { dialer, pool, open } = poolSetting(2)
  assert.deepEqual(pool.counts, { links: 0, streams: 0 })
  open(3)
  const first = dialer.last.succeed(2)
  dialer.last.succeed(2)
  assert.deepEqual(pool.counts, { links: 2, streams: 3 })
  first.answer()
  pool.renewAll()
  assert.deepEqual(pool.counts, { links: 0, streams: 2 })
})
