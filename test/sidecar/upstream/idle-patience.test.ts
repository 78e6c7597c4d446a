import assert from 'node:assert/strict'
import test from 'ava'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import { RecordedTry } from './recorded-try.ts'
import { AppSetting } from './scripted-apps.ts'

/** A pool that saw the application close a connection which was idle for so long. */
function observed(idleMs: number): AppSetting {
  const setting = new AppSetting()
  const connection = setting.idle()
  setting.clock.turn(idleMs)
  connection.breakOff()
  return setting
}

test('after an idle connection was closed by the application, others are used for a shorter time than that', () => {
  for (const [ageMs, isUsed] of [
    [795, true],
    [1_000, false],
  ] as const) {
    const setting = observed(1_000)
    const connection = setting.idle()
    setting.clock.turn(ageMs)
    setting.send(1)
    assert.equal(connection.sentCount, isUsed ? 2 : 1, `${ageMs} ms`)
  }
})

test('what we close ourselves teaches nothing', () => {
  const setting = new AppSetting()
  const old = setting.idle()
  setting.clock.turn(LIMITS.idleUpstreamMs + 1_000)
  assert(old.isDestroyed, 'swept')
  old.settle()
  const connection = setting.idle()
  setting.clock.turn(LIMITS.idleUpstreamMs - 1)
  setting.send(1)
  assert.equal(connection.sentCount, 2)
})

test('a connection that breaks in use teaches nothing: how long a handler took is not how long a server is patient', () => {
  const setting = new AppSetting()
  setting.send(1)
  const busy = setting.next.succeed()
  setting.clock.turn(10)
  busy.breakOff()
  const connection = setting.idle()
  setting.clock.turn(LIMITS.idleUpstreamMs - 1)
  setting.send(1)
  assert.equal(connection.sentCount, 2)
})

test('it is remembered while no connection is open, and forgotten in time: it may have been a restart', () => {
  const setting = observed(20)
  setting.clock.turn(2_000)
  const soon = setting.idle()
  setting.clock.turn(100)
  setting.send(1)
  assert.equal(soon.sentCount, 1)
  soon.settle()
  setting.next.succeed().answerAndClose()
  for (let second = 0; second < 180; second++) setting.clock.turn(1_000)
  const later = setting.idle()
  setting.clock.turn(LIMITS.idleUpstreamMs - 1)
  setting.send(1)
  assert.equal(later.sentCount, 2)
  for (let second = 0; second < 30; second++) setting.clock.turn(1_000)
  later.answerAndClose()
  setting.clock.turn(2_000)
  const { timerCount } = setting.clock
  setting.clock.turn(60_000)
  assert.equal(setting.clock.timerCount, timerCount, 'and then there is nothing to look after')
})

/** Method, whether there is no body, idle ms → whether the idle connection is used. */
const CHOICES: readonly (readonly [string, boolean, number, boolean])[] = [
  ['GET', true, 1_999, true],
  ['GET', true, 2_000, true],
  ['POST', true, 1_999, true],
  ['POST', true, 2_000, false],
  ['POST', false, 2_000, false],
  ['PUT', true, 2_000, true],
  ['PUT', false, 2_000, false],
]

for (const [method, isWhole, ageMs, isUsed] of CHOICES) {
  test(`a ${method} ${isWhole ? 'without' : 'with'} a body ${isUsed ? 'uses' : 'does not use'} what was idle for ${ageMs} ms`, () => {
    const setting = new AppSetting()
    const connection = setting.idle()
    setting.clock.turn(ageMs)
    const one = new RecordedTry(method, isWhole)
    setting.sendTry(one)
    assert.equal(connection.sentCount, isUsed ? 2 : 1)
    assert(!connection.isDestroyed, 'it is still good for what can be sent twice')
    if (isUsed) return
    setting.next.succeed()
    assert.equal(one.state, 'runs')
  })
}

test('where no more connections are allowed, an older one is better than to wait', () => {
  const setting = new AppSetting(1)
  const connection = setting.idle()
  setting.clock.turn(3_000)
  const one = new RecordedTry('POST')
  setting.sendTry(one)
  assert.deepEqual([one.state, connection.sentCount], ['runs', 2])
})
