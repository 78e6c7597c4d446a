import assert from 'node:assert/strict'
import test from 'ava'
import fc from 'fast-check'
import type { Endpoint } from '../../../sidecar/config/resources.ts'
import { LinkPool } from '../../../sidecar/upstream/link-pool.ts'
import { TurnedClock } from '../../support/turned-clock.ts'
import { ORDERS } from './link-pool-setting.ts'
import { RecordedTry } from './recorded-try.ts'
import { type ScriptedDial, ScriptedDialer, type ScriptedLink } from './scripted-links.ts'

/** One try of a random life. */
class LivedTry extends RecordedTry {
  isAbandoned = false
  /** Its exchange tries once more when it fails. */
  triesAgain = false

  get isWaiting(): boolean {
    return !this.isAbandoned && this.state === 'waits'
  }
}

/** A pool, what was done to it, and what must hold after everything that is done to it. */
class RandomLife {
  readonly clock = new TurnedClock()
  readonly dialer = new ScriptedDialer()
  readonly pool = new LinkPool(this.dialer.dial, this.clock)
  readonly maxLinks: number
  readonly tries: LivedTry[] = []
  readonly links: ScriptedLink[] = []
  /** The renewal or move that was last when the dial began; links of an earlier one are old. */
  readonly bornIn = new Map<ScriptedDial, number>()
  era = 0
  endpoint: Endpoint = ORDERS
  /** Tries that got a stream while an earlier one waited. */
  overtakers = 0
  #lastOpenMs = 0

  constructor(maxLinks: number) {
    this.maxLinks = maxLinks
  }

  open(triesAgain: boolean): void {
    const one = new LivedTry()
    one.triesAgain = triesAgain
    const place = this.tries.push(one) - 1
    one.onStarted = () => {
      if (this.tries.slice(0, place).some(({ isWaiting }) => isWaiting)) this.overtakers++
    }
    one.onFailed = () => {
      if (one.triesAgain) this.open(false)
    }
    this.#lastOpenMs = this.clock.nowMs()
    this.pool.open(this.endpoint, one, 1_000, this.maxLinks)
    this.noteDials()
  }

  noteDials(): void {
    for (const dial of this.dialer.dials) if (!this.bornIn.has(dial)) this.bornIn.set(dial, this.era)
  }

  isOld(dial: ScriptedDial): boolean {
    return (this.bornIn.get(dial) ?? 0) < this.era
  }

  get waiting(): readonly LivedTry[] {
    return this.tries.filter(({ isWaiting }) => isWaiting)
  }

  get openLinks(): readonly ScriptedLink[] {
    return this.links.filter(({ isClosed }) => !isClosed)
  }

  /** Nothing is carried, and nothing was for five minutes. */
  get isIdle(): boolean {
    const serving = this.openLinks.filter(({ isRetired, isGone }) => !isRetired && !isGone)
    return this.clock.nowMs() - this.#lastOpenMs > 300_000 && serving.every((link) => link.openStreamCount === 0)
  }

  /** Links that may carry what comes: of this era, and not leaving. */
  get freshLinks(): readonly ScriptedLink[] {
    return this.links.filter((link) => !link.isGone && !this.isOld(link.dial))
  }

  settle(): void {
    for (const link of this.openLinks) link.settle()
    this.noteDials()
  }

  check(): void {
    const fresh = this.freshLinks
    assert.equal(this.overtakers, 0, 'tries go in their order')
    assert(this.dialer.pending.length <= 1, 'one dial at a time')
    const freshDials = this.dialer.pending.filter((dial) => !this.isOld(dial))
    assert(fresh.length + freshDials.length <= this.maxLinks, 'no more links than are allowed')
    if (this.waiting.length > 0) {
      assert(!fresh.some(({ canOpenStream }) => canOpenStream), 'nobody waits while a link has room')
      assert(this.dialer.pending.length === 1 || fresh.length === this.maxLinks, 'nobody waits for nothing')
    }
    if (fresh.length > 0)
      for (const link of this.openLinks)
        if (this.isOld(link.dial)) assert(link.isRetired || link.isGone, 'a new link relieves the old')
    for (const link of fresh) assert(!link.isRetired, 'a link that is needed is kept')
    for (const one of this.tries) this.#checkTry(one)
  }

  #checkTry(one: LivedTry): void {
    const endings = one.errors.length + one.statuses.length
    assert(one.streams.length <= 1 && endings <= 1, 'one stream and one end')
    if (one.isAbandoned) assert.equal(one.streams.length + endings, 0, 'who gave up hears nothing')
  }
}

type Act = (life: RandomLife, which: number) => void

const pick = <T>(from: readonly T[], which: number): T | undefined => from[which % Math.max(1, from.length)]

const ACTS = {
  open: (life, which) => life.open(which % 3 === 0),
  openThree: (life) => {
    for (let i = 0; i < 3; i++) life.open(false)
  },
  dialSucceeds: (life, which) => {
    const dial = pick(life.dialer.pending, which)
    if (dial !== undefined) life.links.push(dial.succeed(1 + (which % 3)))
  },
  dialFails: (life, which) => {
    pick(life.dialer.pending, which)?.fail()
  },
  answer: (life, which) => {
    const link = pick(life.openLinks, which)
    const stream = link === undefined ? undefined : pick(link.streams, which)
    if (stream !== undefined) link?.answer(stream)
  },
  limit: (life, which) => pick(life.openLinks, which)?.setStreamLimit(which % 4),
  goAway: (life, which) => pick(life.openLinks, which)?.goAway(),
  breakOff: (life, which) => pick(life.openLinks, which)?.destroy(),
  renew: (life) => {
    life.era++
    life.pool.renewAll()
  },
  abandon: (life, which) => {
    const one = pick(life.waiting, which)
    if (one === undefined) return
    one.isAbandoned = true
    life.pool.abandon(life.endpoint, one)
  },
  idle: (life, which) => {
    if (life.dialer.pending.length > 0 || life.waiting.length > 0) return // neither takes so long
    life.clock.turn(which * 50_000)
    if (life.isIdle) life.era++
    life.pool.retain(new Set([life.endpoint.id]))
  },
  move: (life) => {
    // The model knows one queue; who waits for a former address is looked at in the cases of those that leave.
    if (life.dialer.pending.length > 0 || life.waiting.length > 0) return
    life.era++
    life.endpoint = { ...life.endpoint, port: life.endpoint.port + 1 }
  },
} satisfies Record<string, Act>

const step = fc.record({
  act: fc.constantFrom(...(Object.keys(ACTS) as (keyof typeof ACTS)[])),
  which: fc.nat(11),
})

/** The world turns kind: dials succeed, peers allow streams, and every response ends. */
function comeToRest(life: RandomLife): void {
  for (let i = 0; life.waiting.length > 0 || life.dialer.pending.length > 0 || life.openLinks.length > 0; i++) {
    assert(i < 1_000, `${life.waiting.length} tries wait for ever`)
    for (const dial of life.dialer.pending) life.links.push(dial.succeed(1))
    for (const link of life.openLinks) {
      if (link.streamLimit === 0) link.setStreamLimit(1)
      if (link.openStreamCount > 0) link.answer()
    }
    life.settle()
    life.check()
    if (life.waiting.length === 0 && life.dialer.pending.length === 0) break
  }
}

test('whatever happens to dials, links and endpoints, each try has one end, in its turn, within the limits', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3 }), fc.array(step, { maxLength: 80 }), (maxLinks, steps) => {
      const life = new RandomLife(maxLinks)
      for (const { act, which } of steps) {
        ACTS[act](life, which)
        life.noteDials()
        life.check()
        life.settle()
        life.check()
      }
      comeToRest(life)
      for (const link of life.openLinks) while (link.openStreamCount > 0) link.answer()
      life.settle()
      life.pool.destroy()
      assert.deepEqual([life.dialer.pending.length, life.openLinks.length, life.waiting.length], [0, 0, 0])
      for (const one of life.tries) if (!one.isAbandoned) assert.equal(one.errors.length + one.statuses.length, 1)
      assert.deepEqual(life.pool.counts, { links: 0, streams: 0 })
    }),
    { seed: 23, numRuns: 600 },
  )
})
