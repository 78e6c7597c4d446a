import assert from 'node:assert/strict'
import test from 'ava'

import { err, ok, type Result } from '../../../certs/result.ts'
import { ConsulAvailability } from '../../../control-plane/registry/consul/consul-availability.ts'
import { seededRandom } from '../../../sidecar/core/random.ts'
import { HandTurnedClock } from './hand-turned-clock.ts'

function watched() {
  const clock = new HandTurnedClock()
  const seen: string[] = []
  const consul: { answer: Result<string, { detail: string }> } = { answer: ok('127.0.0.1:8300') }
  const availability = new ConsulAvailability(async () => consul.answer, clock, seededRandom(1))
  availability.observe((isUp, detail) => seen.push(isUp ? 'up' : detail))
  return { clock, seen, consul, availability }
}

test('ConsulAvailability tells once that Consul went away, and once that it is back', async () => {
  const { clock, seen, consul, availability } = watched()
  await clock.turn(10_000)
  assert.equal(availability.upSinceMs, 1_000)
  consul.answer = err({ detail: 'refused' })
  await clock.turn(10_000)
  assert.equal(availability.upSinceMs, undefined)
  consul.answer = ok('127.0.0.1:8300')
  await clock.turn(10_000)
  assert.deepEqual(seen, ['refused', 'up'])
  assert((availability.upSinceMs ?? 0) > 20_000)
  availability.stop()
})

test('ConsulAvailability takes a Consul without a leader for away', async () => {
  const { clock, seen, consul, availability } = watched()
  consul.answer = ok('')
  await clock.turn(3_000)
  assert.deepEqual(seen, ['it has no leader'])
  availability.stop()
})

test('ConsulAvailability counts anew after this process itself stood still', async () => {
  const { clock, seen, availability } = watched()
  await clock.turn(100)
  await clock.standStill(60_000)
  assert.deepEqual(seen, ['up'])
  assert.equal(availability.upSinceMs, clock.nowMs())
  availability.stop()
  await clock.turn(60_000)
  assert.equal(clock.waitingCount, 0)
})
