import assert from 'node:assert/strict'
import test from 'ava'
import fc from 'fast-check'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import { RecordedTry } from './recorded-try.ts'
import { AppSetting, appLimits, type ScriptedConnection } from './scripted-apps.ts'

/** A pool, what was done to it, and what must hold after everything that is done to it. */
class RandomLife {
  readonly setting: AppSetting
  readonly tries: RecordedTry[] = []
  readonly abandoned = new Set<RecordedTry>()
  readonly connections: ScriptedConnection[] = []
  overtakers = 0

  constructor(maxConnections: number) {
    this.setting = new AppSetting(maxConnections)
  }

  send(): void {
    const { pool, maxConnections } = this.setting
    const one = new RecordedTry()
    const place = this.tries.push(one) - 1
    one.onStarted = () => {
      if (this.tries.slice(0, place).some((other) => this.isWaiting(other))) this.overtakers++
    }
    pool.send('127.0.0.1', 8_080, one, appLimits(maxConnections))
  }

  isWaiting(one: RecordedTry): boolean {
    return one.state === 'waits' && !this.abandoned.has(one)
  }

  get waiting(): readonly RecordedTry[] {
    return this.tries.filter((one) => this.isWaiting(one))
  }

  get busy(): readonly ScriptedConnection[] {
    return this.connections.filter(({ stream }) => stream !== undefined)
  }

  /** Open ones that could take a try and have none. */
  get idle(): readonly ScriptedConnection[] {
    return this.connections.filter(({ canReuse }) => canReuse)
  }

  get openCount(): number {
    return this.connections.filter(({ isClosed }) => !isClosed).length
  }

  check(): void {
    const { pending, pool, maxConnections } = this.setting
    const waitingCount = this.waiting.length
    assert.equal(this.overtakers, 0, 'tries go in their order')
    assert.equal(pool.openCount, this.openCount)
    assert(this.openCount + pending.length <= maxConnections, 'no more connections than are allowed')
    if (waitingCount > 0) assert.equal(this.idle.length, 0, 'nobody waits while a connection is idle')
    const room = maxConnections - this.openCount - pending.length
    assert(waitingCount <= pending.length || room === 0, 'nobody waits for nothing')
    for (const one of this.tries) {
      const endings = one.errors.length + one.statuses.length
      assert(one.streams.length <= 1 && endings <= 1, 'one stream and one end')
      if (this.abandoned.has(one)) assert.equal(one.streams.length + endings, 0, 'who gave up hears nothing')
    }
  }
}

type Act = (life: RandomLife, which: number) => void

const pick = <T>(from: readonly T[], which: number): T | undefined => from[which % Math.max(1, from.length)]

const ACTS = {
  send: (life) => life.send(),
  sendThree: (life) => {
    for (let i = 0; i < 3; i++) life.send()
  },
  dialSucceeds: (life, which) => {
    const dial = pick(life.setting.pending, which)
    if (dial !== undefined) life.connections.push(dial.succeed())
  },
  dialFails: (life, which) => {
    pick(life.setting.pending, which)?.fail()
  },
  answer: (life, which) => pick(life.busy, which)?.answer(which % 2 === 0 ? undefined : which * 1_000),
  answerAndClose: (life, which) => pick(life.busy, which)?.answerAndClose(),
  breakOff: (life, which) => pick(life.busy, which)?.breakOff(),
  closeIdle: (life, which) => pick(life.idle, which)?.breakOff(),
  endIdle: (life, which) => {
    const connection = pick(life.idle, which)
    if (connection !== undefined) connection.isEnded = true
  },
  abandon: (life, which) => {
    const one = pick(life.waiting, which)
    if (one === undefined) return
    life.abandoned.add(one)
    life.setting.abandon(one)
  },
  turn: (life, which) => {
    life.setting.clock.turn(which * 700)
    for (const { idleSinceMs, keepAliveMs } of life.idle) {
      const sweptMs = Math.min(LIMITS.idleUpstreamMs, keepAliveMs * 0.8) + 1_000
      assert(life.setting.clock.nowMs() - idleSinceMs <= sweptMs, 'nothing is idle for long')
    }
  },
} satisfies Record<string, Act>

const step = fc.record({
  act: fc.constantFrom(...(Object.keys(ACTS) as (keyof typeof ACTS)[])),
  which: fc.nat(9),
})

test('whatever happens to dials and connections, each try has one end, in its turn, within the limit', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 80 }), (maxConnections, steps) => {
      const life = new RandomLife(maxConnections)
      for (const { act, which } of steps) {
        ACTS[act](life, which)
        for (const connection of life.connections) connection.settle()
        life.check()
      }
      for (let i = 0; life.waiting.length > 0 || life.busy.length > 0 || life.setting.pending.length > 0; i++) {
        assert(i < 1_000, `${life.waiting.length} tries wait for ever`)
        for (const dial of life.setting.pending) life.connections.push(dial.succeed())
        for (const connection of life.busy) connection.answer()
        life.check()
      }
      life.setting.pool.destroy()
      for (const connection of life.connections) connection.settle()
      assert.equal(life.setting.pool.openCount, 0)
      for (const one of life.tries)
        if (!life.abandoned.has(one)) assert.equal(one.errors.length + one.statuses.length, 1)
    }),
    { seed: 29, numRuns: 600 },
  )
})
