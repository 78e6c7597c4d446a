import assert from 'node:assert/strict'
import test from 'ava'

import { err, ok, type Result } from '../../../certs/result.ts'
import { BlockingSlots } from '../../../control-plane/registry/consul/blocking-slots.ts'
import type { AvailabilityObserver } from '../../../control-plane/registry/consul/consul-availability.ts'
import type { Answer, Ask, ConsulFailure } from '../../../control-plane/registry/consul/consul-client.ts'
import { QueryLoop } from '../../../control-plane/registry/consul/query-loop.ts'
import { QueryPace } from '../../../control-plane/registry/consul/query-pace.ts'
import { seededRandom } from '../../../sidecar/core/random.ts'
import { HandTurnedClock, settle } from './hand-turned-clock.ts'

type Said = Result<Answer<string>, ConsulFailure>

const said = (value: string, index: number, knowsLeader = true): Said => ok({ value, index, knowsLeader })
const failed: Said = err({ kind: 'unreachable', detail: 'gone' })

/** A loop whose Consul is the test. */
function scripted(options: { readonly slots?: BlockingSlots; readonly always?: Said } = {}) {
  const clock = new HandTurnedClock()
  const asks: Ask[] = []
  const heard: string[] = []
  const observers = new Set<AvailabilityObserver>()
  let answer: ((said: Said) => void) | undefined
  const loop = new QueryLoop<string>(
    (ask) => {
      asks.push(ask)
      if (options.always !== undefined) return Promise.resolve(options.always)
      return new Promise((resolve) => {
        answer = resolve
        if (ask.kind === 'on-change') ask.signal.addEventListener('abort', () => resolve(failed))
      })
    },
    { onAnswer: (value) => heard.push(value), onFailure: (detail) => heard.push(`failure: ${detail}`) },
    {
      clock,
      random: seededRandom(7),
      slots: options.slots,
      pollPace: new QueryPace(clock, { burstCount: 100, perSecond: 100 }),
      availability: {
        isUp: true,
        observe: (observer) => {
          observers.add(observer)
          return () => observers.delete(observer)
        },
      },
    },
  )
  return {
    loop,
    clock,
    asks,
    heard,
    observers,
    lastIndex: () => {
      const last = asks.at(-1)
      return last?.kind === 'on-change' ? last.index : 0
    },
    async say(words: Said) {
      await settle()
      answer?.(words)
      await settle()
    },
  }
}

test('QueryLoop asks from the leader first, then waits for what comes after the index', async () => {
  const { loop, asks, heard, say } = scripted()
  await say(said('a', 7))
  await say(said('b', 9))
  assert.deepEqual(heard, ['a', 'b'])
  assert.deepEqual(
    asks.map((ask) => (ask.kind === 'now' ? 'now' : ask.index)),
    ['now', 7, 9],
  )
  loop.stop()
})

test('QueryLoop always limits how long Consul waits, with jitter', async () => {
  const { loop, asks, say } = scripted()
  for (let index = 1; index < 9; index++) await say(said('a', index))
  const waits = asks.flatMap((ask) => (ask.kind === 'on-change' ? [ask.waitMs] : []))
  assert(waits.length > 5 && waits.every((wait) => wait >= 24_000 && wait <= 30_000))
  assert(new Set(waits).size > 1)
  loop.stop()
})

test('QueryLoop starts anew when the index goes backwards, and does not believe what came with it', async () => {
  const { loop, heard, lastIndex, say } = scripted()
  await say(said('full', 90))
  assert.equal(lastIndex(), 90)
  await say(said('empty: the server has not read its log yet', 3))
  assert.deepEqual(heard, ['full'])
  assert.equal(lastIndex(), 0)
  await say(said('full again', 91))
  assert.deepEqual(heard, ['full', 'full again'])
  loop.stop()
})

test('QueryLoop does not believe what came with an index that went back by one', async () => {
  const { loop, heard, lastIndex, say } = scripted()
  await say(said('full', 90))
  await say(said('older', 89))
  assert.deepEqual([heard, lastIndex()], [['full'], 0])
  loop.stop()
})

test('QueryLoop takes an index of 0 for 1', async () => {
  const { loop, lastIndex, say } = scripted()
  await say(said('a', 0))
  assert.equal(lastIndex(), 1)
  loop.stop()
})

test('QueryLoop does not spin, whatever the server answers', async () => {
  for (const always of [said('a', 0), said('a', 5), failed, said('a', 5, false)]) {
    const { loop, clock, asks } = scripted({ always })
    await clock.turn(60_000)
    assert(asks.length > 3 && asks.length < 10 + 60 * 5, `${asks.length} queries in a minute`)
    loop.stop()
  }
})

test('QueryLoop asks a server that answers at once no more than its burst before it waits', async () => {
  const { loop, asks } = scripted({ always: said('a', 5) })
  for (let i = 0; i < 50; i++) await settle()
  assert.equal(asks.length, 10)
  loop.stop()
})

test('QueryLoop reports an answer without a leader as a failure and starts anew', async () => {
  const { loop, clock, heard, asks, say } = scripted()
  await say(said('a', 5))
  await say(said('nothing', 6, false))
  assert.deepEqual(heard, ['a', 'failure: Consul has no leader'])
  await clock.turn(250)
  assert.equal(asks.at(-1)?.kind, 'now')
  loop.stop()
})

test('QueryLoop waits longer after each failure, and at once goes on when Consul is back', async () => {
  const { loop, clock, asks, observers } = scripted({ always: failed })
  await clock.turn(120_000)
  const before = asks.length
  await clock.turn(200)
  for (const observer of observers) observer(true, 'back')
  await settle()
  assert(before < 60, `${before} tries in two minutes`)
  assert.equal(asks.length, before + 1)
  loop.stop()
  assert.equal(observers.size, 0)
})

test('QueryLoop calls a waiting query off when Consul goes away, and says nothing of it', async () => {
  const { loop, heard, asks, observers, say } = scripted()
  await say(said('a', 5))
  for (const observer of observers) observer(false, 'away')
  await settle()
  assert.deepEqual(heard, ['a'])
  assert.equal(asks.at(-1)?.kind, 'now')
  loop.stop()
})

test('QueryLoop is silent after stop', async () => {
  const { loop, heard, clock, say } = scripted()
  await settle()
  loop.stop()
  await say(said('a', 5))
  await clock.turn(60_000)
  assert.deepEqual(heard, [])
  assert.equal(clock.waitingCount, 0)
})

test('QueryLoop without a slot polls, and waits for changes once it gets one', async () => {
  const slots = new BlockingSlots(1)
  const holder = {}
  assert(slots.take(holder))
  const { loop, clock, asks, say } = scripted({ slots })
  for (let i = 0; i < 3; i++) {
    await say(said('a', 5))
    await clock.turn(2_000)
  }
  assert.deepEqual(
    asks.map(({ kind }) => kind),
    ['now', 'now', 'now', 'now'],
  )
  slots.release(holder)
  await say(said('a', 5))
  await clock.turn(2_000)
  assert.equal(asks.at(-1)?.kind, 'on-change')
  assert.equal(slots.takenCount, 1)
  loop.stop()
  assert.equal(slots.takenCount, 0)
})
