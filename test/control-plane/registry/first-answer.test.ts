import assert from 'node:assert/strict'
import test from 'ava'
import { ok } from '../../../certs/result.ts'
import { BlockingSlots } from '../../../control-plane/registry/consul/blocking-slots.ts'
import { QueryLoop } from '../../../control-plane/registry/consul/query-loop.ts'
import { QueryPace } from '../../../control-plane/registry/consul/query-pace.ts'
import { seededRandom } from '../../../sidecar/core/random.ts'
import { HandTurnedClock, settle } from './hand-turned-clock.ts'

test('a watch without a slot gets its first answer at once, and the pace holds for those that follow', async () => {
  const clock = new HandTurnedClock()
  const pollPace = new QueryPace(clock, { burstCount: 1, perSecond: 0.01 })
  const seams = {
    clock,
    random: seededRandom(7),
    slots: new BlockingSlots(0),
    pollPace,
    availability: { isUp: true, observe: () => () => undefined },
  }
  let answers = 0
  const loops = Array.from(
    { length: 50 },
    () =>
      new QueryLoop<string>(
        async () => ok({ value: 'x', index: 1, knowsLeader: true }),
        { onAnswer: () => answers++, onFailure: () => assert.fail() },
        seams,
      ),
  )
  await settle()
  assert.equal(answers, 50)
  for (const loop of loops) loop.stop()
})
