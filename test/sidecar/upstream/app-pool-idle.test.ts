import assert from 'node:assert/strict'
import test from 'ava'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import { statesOf } from './recorded-try.ts'
import { AppSetting } from './scripted-apps.ts'

/** What the application says of its keep-alive → for how long we take an idle connection for good. */
const PATIENCE: readonly (readonly [string, number | undefined, number])[] = [
  ['nothing', undefined, LIMITS.idleUpstreamMs],
  ['60 s', 60_000, LIMITS.idleUpstreamMs],
  ['5 s', 5_000, 4_000],
  ['2 s', 2_000, 1_600],
  ['0 s', 0, 0],
]

for (const [said, keepAliveMs, patienceMs] of PATIENCE) {
  test(`a connection of an application that says ${said} of its patience is used for ${patienceMs} ms`, () => {
    if (patienceMs > 0) {
      const setting = new AppSetting()
      const connection = setting.idle(keepAliveMs)
      setting.clock.turn(patienceMs - 1)
      setting.send(1)
      assert.deepEqual([connection.sentCount, connection.isDestroyed], [2, false])
    }
    const setting = new AppSetting()
    const connection = setting.idle(keepAliveMs)
    setting.clock.turn(patienceMs)
    const tries = setting.send(1)
    assert.deepEqual([connection.sentCount, connection.isDestroyed], [1, true])
    setting.next.succeed()
    assert.equal(statesOf(tries), 'runs')
  })
}

test('what the application says last counts', () => {
  const setting = new AppSetting()
  const connection = setting.idle(60_000)
  setting.send(1)
  connection.answer(1_000)
  setting.clock.turn(800)
  setting.send(1)
  assert(connection.isDestroyed)
})

test('idle time begins anew with each exchange', () => {
  const setting = new AppSetting()
  const connection = setting.idle()
  for (let i = 0; i < 5; i++) {
    setting.clock.turn(3_000)
    setting.send(1)
    connection.answer()
  }
  assert.equal(connection.sentCount, 6)
})

test('a connection that nobody asks for any more is closed within a second of its time', () => {
  const setting = new AppSetting()
  const connection = setting.idle(2_000)
  setting.clock.turn(1_000)
  assert(!connection.isDestroyed)
  setting.clock.turn(1_600)
  assert(connection.isDestroyed)
})

test('what is in use is never closed for its idleness', () => {
  const setting = new AppSetting()
  const connection = setting.idle()
  setting.send(1)
  setting.clock.turn(60_000)
  assert(!connection.isDestroyed)
  connection.answer()
  setting.clock.turn(3_000)
  assert(!connection.isDestroyed)
})

test('only what is too old is closed: younger connections stay', () => {
  const setting = new AppSetting()
  setting.send(2)
  const old = setting.next.succeed()
  const young = setting.next.succeed()
  old.answer()
  setting.clock.turn(3_000)
  young.answer()
  setting.clock.turn(2_000)
  assert.deepEqual([old.isDestroyed, young.isDestroyed], [true, false])
  setting.send(1)
  assert.equal(young.sentCount, 2)
})

test('while nothing is open the pool sets no timers', () => {
  const setting = new AppSetting()
  const connection = setting.idle()
  setting.clock.turn(10_000)
  connection.settle()
  setting.clock.turn(1_000)
  const { timerCount } = setting.clock
  setting.clock.turn(60_000)
  assert.equal(setting.clock.timerCount, timerCount)
  assert(!setting.idle().isDestroyed)
  setting.clock.turn(10_000)
  assert(setting.clock.timerCount > timerCount, 'and sets them again with the next connection')
})

test('a pool that is destroyed closes what is idle, lets exchanges end, and sets no timers', () => {
  const setting = new AppSetting()
  setting.send(2)
  const busy = setting.next.succeed()
  const idle = setting.next.succeed()
  idle.answer()
  setting.pool.destroy()
  assert.deepEqual([busy.isDestroyed, idle.isDestroyed], [false, true])
  const { timerCount } = setting.clock
  setting.clock.turn(60_000)
  assert.equal(setting.clock.timerCount, timerCount)
})

// It is put among the idle ones of a pool that nobody looks after any more: the application has to close it.
test('a connection in use when the pool is destroyed is closed when its exchange ends', () => {
  const setting = new AppSetting()
  setting.send(1)
  const busy = setting.next.succeed()
  setting.pool.destroy()
  busy.answer()
  assert(busy.isDestroyed)
})

test('a connection that is made after the pool was destroyed is closed', () => {
  const setting = new AppSetting()
  const [only] = setting.send(1)
  assert(only !== undefined)
  setting.abandon(only)
  setting.pool.destroy()
  assert(setting.next.succeed().isDestroyed)
})

// The sweep stopped for want of connections, and only a further try would begin it again.
test('a connection whose dial took longer than a sweep is closed when it is too old', () => {
  const setting = new AppSetting()
  setting.send(1)
  setting.clock.turn(1_500)
  const connection = setting.next.succeed()
  connection.answer()
  setting.clock.turn(60_000)
  assert(connection.isDestroyed)
})
