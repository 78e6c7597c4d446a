import assert from 'node:assert/strict'
import test from 'ava'

import { EmbeddedLock } from '../../../control-plane/registry/embedded/embedded-lock.ts'
import { HandTurnedClock } from './hand-turned-clock.ts'

function stage() {
  const clock = new HandTurnedClock()
  const released: string[] = []
  const file = { renews: true as boolean | undefined }
  const keeper = {
    renew: () => file.renews,
    release: (key: string, token: number) => void released.push(`${key} ${token}`),
  }
  const lock = new EmbeddedLock('leader', 7, { keeper, clock, ttlMs: 9_000 })
  return { clock, file, lock, released }
}

test('a lock is renewed at a third of its time to live, and kept', async () => {
  const { clock, lock } = stage()
  await clock.turn(600_000)
  assert.equal(lock.lost.aborted, false)
})

test('a lock that is another’s is lost at its next renewal', async () => {
  const { clock, file, lock } = stage()
  file.renews = false
  await clock.turn(2_999)
  assert.equal(lock.lost.aborted, false)
  await clock.turn(1)
  assert.equal(lock.lost.aborted, true)
})

test('a lock whose file can not be reached is kept for its time to live and no longer', async () => {
  const { clock, file, lock } = stage()
  await clock.turn(6_000)
  file.renews = undefined
  await clock.turn(8_999)
  assert.equal(lock.lost.aborted, false)
  await clock.turn(1)
  assert.equal(lock.lost.aborted, true)
})

test('a file that is reached again in time loses nobody', async () => {
  const { clock, file, lock } = stage()
  for (let i = 0; i < 10; i++) {
    file.renews = undefined
    await clock.turn(6_000)
    file.renews = true
    await clock.turn(3_000)
  }
  assert.equal(lock.lost.aborted, false)
})

test('a lock that was released is given back once, and one that was lost not at all', async () => {
  const { clock, lock, released } = stage()
  await lock.release()
  await lock.release()
  assert.deepEqual(released, ['leader 7'])
  assert.deepEqual([lock.lost.aborted, clock.waitingCount], [true, 0])
  const lost = stage()
  lost.lock.lose()
  await lost.lock.release()
  assert.deepEqual([lost.released, lost.clock.waitingCount], [[], 0])
})
