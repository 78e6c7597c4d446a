import assert from 'node:assert/strict'
import test from 'ava'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import { RecordedTry, statesOf } from './recorded-try.ts'
import { AppSetting, appLimits } from './scripted-apps.ts'

test('the first try dials the application with its timeout, and goes when the connection stands', () => {
  const setting = new AppSetting()
  const tries = setting.send(1)
  assert.deepEqual([setting.next.where, setting.next.timeoutMs], ['127.0.0.1:8080', 2_000])
  assert.equal(statesOf(tries), 'waits')
  const connection = setting.next.succeed()
  assert.equal(statesOf(tries), 'runs')
  connection.answer()
  assert.equal(statesOf(tries), '200')
})

test('a connection that is idle takes the next try, and nothing is dialled', () => {
  const setting = new AppSetting()
  const connection = setting.idle()
  const tries = setting.send(1)
  assert.equal(statesOf(tries), 'runs')
  assert.deepEqual([setting.dials.length, connection.sentCount], [1, 2])
})

test('of several idle connections the one used last is used first', () => {
  const setting = new AppSetting()
  setting.send(3)
  const connections = [setting.next.succeed(), setting.next.succeed(), setting.next.succeed()]
  for (const at of [1, 2, 0]) connections[at]?.answer()
  setting.send(2)
  assert.deepEqual(
    connections.map(({ sentCount }) => sentCount),
    [2, 1, 2],
  )
})

test('a connection carries one exchange at a time: each try that finds none idle dials its own', () => {
  const setting = new AppSetting()
  const tries = setting.send(3)
  assert.equal(setting.pending.length, 3)
  setting.next.succeed()
  assert.equal(statesOf(tries), 'runs waits waits')
  setting.next.succeed()
  setting.next.succeed()
  assert.equal(statesOf(tries), 'runs runs runs')
})

test('a try whose dial is under way goes earlier on a connection that comes back', () => {
  const setting = new AppSetting()
  const tries = setting.send(1)
  const connection = setting.next.succeed()
  tries.push(...setting.send(1))
  connection.answer()
  assert.equal(statesOf(tries), '200 runs')
  setting.next.succeed()
  assert.equal(statesOf(setting.send(1)), 'runs', 'the one that was dialled is idle')
})

test('at the limit of connections tries wait in order for one that comes back', () => {
  const setting = new AppSetting(2)
  const tries = setting.send(4)
  assert.equal(setting.pending.length, 2)
  const [first, second] = [setting.next.succeed(), setting.next.succeed()]
  assert.equal(statesOf(tries), 'runs runs waits waits')
  second.answer()
  assert.equal(statesOf(tries), 'runs 200 runs waits')
  first.answer()
  assert.equal(statesOf(tries), '200 200 runs runs')
  assert.equal(setting.dials.length, 2)
})

test('at the limit a connection that closes makes room for another', () => {
  const setting = new AppSetting(1)
  const tries = setting.send(3)
  setting.next.succeed().answerAndClose()
  assert.equal(statesOf(tries), '200 waits waits')
  setting.next.succeed().breakOff()
  assert.equal(statesOf(tries), '200 reset waits')
  setting.next.succeed()
  assert.equal(statesOf(tries), '200 reset runs')
  assert.equal(setting.pool.openCount, 1)
})

test('one try more than may wait is refused at once', () => {
  const setting = new AppSetting(1)
  setting.send(1)
  setting.next.succeed()
  const waiting = setting.send(LIMITS.pendingPerEndpointCount)
  const [refused] = setting.send(1)
  assert.equal(refused?.state, 'circuit-open')
  assert.match(refused?.errors[0]?.detail ?? '', /1024 requests already wait for a connection to 127\.0\.0\.1:8080/)
  assert(waiting.every(({ state }) => state === 'waits'))
})

test('a try that may not begin when its turn comes is out, and its connection is for the next', () => {
  const setting = new AppSetting(1)
  const [first, second] = setting.send(2)
  assert(first !== undefined && second !== undefined)
  first.isReady = false
  const connection = setting.next.succeed()
  assert.deepEqual([first.state, second.state], ['waits', 'runs'])
  first.isReady = true
  connection.answer()
  assert.equal(first.state, 'waits', 'it is not in the pool any more')
})

test('one caller never has all connections: what it wants more waits, and others go before it', () => {
  const setting = new AppSetting(4)
  const greedy = setting.send(6, 8_080, 'greedy')
  const connections = setting.pending.map((dial) => dial.succeed())
  assert.equal(connections.length, 3, 'three quarters of the connections')
  assert.equal(statesOf(greedy), 'runs runs runs waits waits waits')
  const other = setting.send(2, 8_080, 'other')
  const fourth = setting.next.succeed()
  assert.equal(statesOf(other), 'runs waits')
  fourth.answer()
  assert.equal(statesOf(other), '200 runs', 'the greedy one is at its share')
  connections[0]?.answer()
  assert.equal(statesOf(greedy), '200 runs runs runs waits waits', 'the first that waits of whom may use one more')
  assert.equal(setting.pending.length, 0)
})

test('one caller never has all places to wait', () => {
  const setting = new AppSetting(1)
  const greedy = setting.send(LIMITS.pendingPerEndpointCount, 8_080, 'greedy')
  assert.equal(greedy.filter(({ state }) => state === 'waits').length, 768)
  const other = setting.send(300, 8_080, 'other')
  assert.equal(other.filter(({ state }) => state === 'waits').length, 256)
})

for (const end of ['answer', 'answerAndClose', 'breakOff'] as const) {
  test(`what a caller has is given back when its exchange ends with ${end}`, () => {
    const setting = new AppSetting(2)
    for (let round = 0; round < 3; round++) {
      const tries = setting.send(2, 8_080, 'caller')
      const connections = setting.pending.map((dial) => dial.succeed())
      assert.equal(statesOf(tries), 'runs runs', `round ${round}`)
      for (const connection of connections) {
        connection[end]()
        if (end === 'answer') connection.breakOff()
      }
    }
  })
}

test('of a service that lets fewer wait one more is refused at once; an idle connection is not waited for', () => {
  const setting = new AppSetting(1)
  const send = (maxPending: number): RecordedTry => {
    const one = new RecordedTry()
    setting.pool.send('127.0.0.1', 8_080, one, appLimits(1, maxPending))
    return one
  }
  const connection = setting.idle()
  const tries = [send(0), send(1), send(1)]
  assert.equal(statesOf(tries), 'runs waits circuit-open')
  connection.answer()
  assert.equal(statesOf(tries), '200 runs circuit-open')
})

test('a failed dial fails the oldest try that waits; the others have dials of their own', () => {
  const setting = new AppSetting()
  const tries = setting.send(3)
  setting.next.fail('ETIMEDOUT')
  assert.equal(statesOf(tries), 'connect-failure waits waits')
  assert.equal(tries[0]?.errors[0]?.detail, 'ETIMEDOUT')
  setting.next.succeed()
  setting.next.fail()
  assert.equal(statesOf(tries), 'connect-failure runs connect-failure')
})

test('a burst makes 32 dials at a time: each that ends makes room for one more, until nobody waits', () => {
  const setting = new AppSetting()
  const tries = setting.send(40)
  assert.equal(setting.pending.length, 32)
  const first = setting.next.succeed()
  assert.equal(setting.pending.length, 32)
  first.answer()
  assert.equal(tries[1]?.state, 'runs', 'the first connection that came back')
  while (setting.pending.length > 0) setting.next.succeed()
  assert.equal(tries.filter(({ state }) => state === 'runs').length, 39)
  assert.equal(setting.pool.openCount, 39)
})

test('of a burst that finds nobody listening, 32 failures in a row fail all that have no dial of their own, and not fewer', () => {
  const setting = new AppSetting()
  const tries = setting.send(1_000)
  const failed = () => tries.filter(({ state }) => state === 'connect-failure')
  for (let count = 1; count < 32; count++) {
    setting.next.fail()
    assert.deepEqual(failed(), tries.slice(0, count), 'the oldest, one for each')
  }
  setting.next.fail()
  assert.equal(failed().length, 1_000 - 31)
  while (setting.pending.length > 0) setting.next.fail()
  assert.equal(failed().length, 1_000)
})

test('a dial that does not fail begins the row anew', () => {
  const setting = new AppSetting()
  const tries = setting.send(1_000)
  for (let count = 0; count < 31; count++) setting.next.fail()
  setting.next.succeed().breakOff()
  for (let count = 0; count < 31; count++) setting.next.fail()
  assert.equal(tries.filter(({ state }) => state === 'connect-failure').length, 62)
})

test('a pool that is destroyed fails what waits, and dials no more, whatever becomes of the dials under way', () => {
  const setting = new AppSetting()
  const tries = setting.send(40)
  setting.pool.destroy()
  assert(tries.every(({ state }) => state === 'connect-failure'))
  setting.next.succeed().settle()
  while (setting.pending.length > 0) setting.next.fail()
  assert.equal(statesOf(setting.send(1)), 'connect-failure')
  assert.equal(setting.dials.length, 32)
})

test('when the only dial fails and nothing is open all that wait fail: they would wait for the same', () => {
  const setting = new AppSetting(1)
  const tries = setting.send(3)
  setting.next.fail()
  assert.equal(statesOf(tries), 'connect-failure connect-failure connect-failure')
  assert.equal(setting.pending.length, 0)
  setting.send(1)
  assert.equal(setting.pending.length, 1)
})

test('when the only dial fails and a connection is in use one try fails, and the others wait for that connection', () => {
  const setting = new AppSetting(2)
  const tries = setting.send(3)
  const busy = setting.next.succeed()
  setting.next.fail()
  assert.equal(statesOf(tries), 'runs connect-failure waits')
  busy.answer()
  assert.equal(statesOf(tries), '200 connect-failure runs')
})

test('an exchange that tries again when its dial has failed gets another dial', () => {
  const setting = new AppSetting()
  const [first] = setting.send(1)
  const again: RecordedTry[] = []
  assert(first !== undefined)
  first.onFailed = () => again.push(...setting.send(1))
  setting.next.fail()
  setting.next.succeed()
  assert.equal(statesOf([first, ...again]), 'connect-failure runs')
})

test('a try that is abandoned while it waits hears nothing more, and its connection is kept for the next', () => {
  const setting = new AppSetting()
  const [only] = setting.send(1)
  assert(only !== undefined)
  setting.abandon(only)
  setting.next.succeed()
  assert.equal(only.state, 'waits')
  assert.equal(statesOf(setting.send(1)), 'runs')
  assert.equal(setting.dials.length, 1)
})

test('an abandoned try holds no place among those that wait', () => {
  const setting = new AppSetting(1)
  const tries = setting.send(3)
  const [, second] = tries
  assert(second !== undefined)
  setting.abandon(second)
  const connection = setting.next.succeed()
  connection.answer()
  assert.equal(statesOf(tries), '200 waits runs')
})

test('abandoning what does not wait does nothing', () => {
  const setting = new AppSetting()
  setting.abandon(new RecordedTry())
  const [only] = setting.send(1)
  const connection = setting.next.succeed()
  assert(only !== undefined)
  setting.abandon(only)
  connection.answer()
  assert.equal(only.state, '200')
})

test('an idle connection that the application has closed is never used', () => {
  const setting = new AppSetting()
  setting.idle().breakOff()
  assert.equal(setting.pool.openCount, 0)
  assert.equal(statesOf(setting.send(1)), 'waits')
  assert.equal(setting.pending.length, 1)
})

test('an idle connection whose end is read but not yet told is closed, and another one is dialled', () => {
  const setting = new AppSetting()
  const connection = setting.idle()
  connection.isEnded = true
  const tries = setting.send(1)
  assert(connection.isDestroyed)
  setting.next.succeed()
  assert.equal(statesOf(tries), 'runs')
})

test('at the limit a connection that is no longer good counts until it is closed', () => {
  const setting = new AppSetting(1)
  const connection = setting.idle()
  connection.isEnded = true
  const tries = setting.send(1)
  assert.equal(setting.pending.length, 0)
  connection.settle()
  setting.next.succeed()
  assert.equal(statesOf(tries), 'runs')
})

test('each address has connections of its own', () => {
  const setting = new AppSetting(1)
  setting.idle()
  const tries = setting.send(1, 8_081)
  assert.equal(setting.next.where, '127.0.0.1:8081')
  setting.next.fail()
  assert.equal(statesOf([...tries, ...setting.send(1)]), 'connect-failure runs')
})

test('connections are counted while they are open, idle or in use, of all addresses', () => {
  const setting = new AppSetting()
  setting.idle()
  setting.send(1)
  setting.send(1, 8_081)
  const other = setting.next.succeed()
  assert.equal(setting.pool.openCount, 2)
  other.breakOff()
  assert.equal(setting.pool.openCount, 1)
})

// Only `send` and a connection that closes look for room: the place of the failed dial stays empty.
test('at the limit a dial that fails makes room for another', () => {
  const setting = new AppSetting(2)
  const [, ...tries] = setting.send(1).concat(setting.send(2))
  setting.next.succeed() // in use for long: a WebSocket, say
  setting.next.fail()
  assert.equal(statesOf(tries), 'connect-failure waits')
  setting.next.succeed()
  assert.equal(statesOf(tries), 'connect-failure runs')
})
