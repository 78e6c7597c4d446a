import { type Random, seededRandom } from '../../sidecar/core/random.ts'
import type { Outcome } from './callers/caller.ts'
import { type CutPlan, pick, randomBytes, randomPlan } from './cut-plan.ts'
import { CutRelay } from './cut-relay.ts'
import type { CutStage } from './cut-stage.ts'
import { KINDS, type Kind } from './kinds.ts'
import type { Parcel } from './parcel.ts'
import { type Case, type Hop, judge, type SeenCut } from './verdict.ts'

type SharedCut = SeenCut & { readonly service: string }

const HOPS: readonly Hop[] = ['caller', 'link', 'application']

/** What came of many exchanges. */
export interface CutTally {
  exchangeCount: number
  /** Connections cut, by hop and how: `link reset`. */
  readonly cuts: Map<string, number>
  /** Outcomes by kind: `TCP` → `whole` → 12. */
  readonly outcomes: Map<string, Map<string, number>>
  readonly problems: string[]
}

export const newTally = (): CutTally => ({ exchangeCount: 0, cuts: new Map(), outcomes: new Map(), problems: [] })

export const cutCount = ({ cuts }: CutTally): number => [...cuts.values()].reduce((sum, count) => sum + count, 0)

const LANE_COUNT = 8
/** Part of the callers that have no sidecar of their own. */
const STRANGER_PART = 0.2

/** Makes exchanges and cuts connections under them. */
export class CutRun {
  readonly #stage: CutStage
  readonly #seed: number
  readonly #kinds: readonly Kind[]
  readonly tally: CutTally
  /** Of this batch: judged when everybody has heard everything. */
  readonly #cases: Case[] = []
  #nextId = 1
  /** Cuts at hops that exchanges share, so far: those of others are hit, too. */
  readonly #sharedCuts: SharedCut[] = []

  constructor(stage: CutStage, seed: number, { kinds = KINDS, tally = newTally() } = {}) {
    this.#stage = stage
    this.#seed = seed
    this.#kinds = kinds
    this.tally = tally
    for (const [hop, relays] of [
      ['link', stage.links],
      ['application', stage.applications],
    ] as const)
      for (const [service, relay] of relays)
        relay.onCut = (plan) => {
          this.#countCut(hop, plan)
          this.#sharedCuts.push({ hop, service, plan })
        }
  }

  /** Each kind once, through each door, with nothing cut: all must be whole. */
  async untouched(): Promise<void> {
    for (const kind of this.#kinds)
      for (const hasSidecar of [true, false]) {
        const parcel = this.#newParcel(kind, seededRandom(this.#nextId))
        const outcome = await kind.caller({ port: this.#stage.portOf(kind.service, hasSidecar), parcel })
        const isWhole = outcome.receipt?.ending === 'whole' && outcome.receipt.isComplete
        if (!isWhole)
          this.tally.problems.push(
            `${kind.name}, nothing cut${hasSidecar ? '' : ', no sidecar'}: ${outcome.kind} ${outcome.detail} ${outcome.receipt ?? ''}`,
          )
        this.#note({ kind, parcel, outcome, cuts: [], story: 'untouched' })
      }
  }

  /** Exchanges until so many more connections are cut. */
  async cut(count: number): Promise<void> {
    const wanted = cutCount(this.tally) + count
    const lane = async (): Promise<void> => {
      while (cutCount(this.tally) < wanted) await this.#exchange()
    }
    await Promise.all(Array.from({ length: LANE_COUNT }, lane))
  }

  /** Judges what is over. To be called when nothing is under way any more. */
  judge(): void {
    for (const one of this.#cases.splice(0)) {
      const receipts = this.#stage.ledger.of(one.parcel.id)
      const wrong = judge(one, receipts)
      const got = receipts.join(' and ') || 'nothing'
      this.#stage.ledger.forget(one.parcel.id)
      for (const sentence of wrong)
        this.tally.problems.push(
          `${one.kind.name} #${one.parcel.id}: ${sentence}; ${tell(one)}; the application: ${got}`,
        )
    }
  }

  /** Whether an application still waits for the end of something. */
  get isHeardOut(): boolean {
    return this.#cases.every(({ parcel }) => this.#stage.ledger.of(parcel.id).every(({ ending }) => ending !== 'open'))
  }

  async #exchange(): Promise<void> {
    const random = seededRandom(this.#seed * 1_000_003 + this.#nextId)
    const kind = pick(random, this.#kinds)
    const parcel = this.#newParcel(kind, random)
    const hasSidecar = random() >= STRANGER_PART
    const hop = pick(random, hasSidecar ? HOPS : (['caller', 'application'] as const))
    const plan = randomPlan(random, parcel.upBytes, parcel.downBytes)
    await using own = await CutRelay.listen(this.#stage.portOf(kind.service, hasSidecar))
    const relay =
      hop === 'caller' ? own : (hop === 'link' ? this.#stage.links : this.#stage.applications).get(kind.service)
    own.onCut = (plan) => this.#countCut('caller', plan)
    const mark = this.#sharedCuts.length
    const cut = relay?.arm(plan)
    const outcome = await kind.caller({ port: own.port, parcel })
    relay?.disarm(cut)
    const seen = this.#sharedCuts.slice(mark).filter(({ service }) => service === kind.service)
    if (hop === 'caller' && cut?.hasFired === true) seen.push({ hop, service: kind.service, plan })
    const door = hasSidecar ? 'by a sidecar' : 'without a sidecar'
    this.#note({ kind, parcel, outcome, cuts: seen, story: `${door}, ${parcel.form}` })
  }

  #newParcel(kind: Kind, random: Random): Parcel {
    return {
      id: this.#nextId++,
      form: pick(random, kind.forms),
      upBytes: kind.hasUp ? randomBytes(random) : 0,
      downBytes: kind.hasDown ? randomBytes(random) : 0,
    }
  }

  #note(one: Case): void {
    const { tally } = this
    tally.exchangeCount++
    const ofKind = tally.outcomes.get(one.kind.name) ?? new Map<string, number>()
    tally.outcomes.set(one.kind.name, ofKind)
    count(ofKind, wordFor(one.outcome))
    this.#cases.push(one)
  }

  #countCut(hop: Hop, { how }: CutPlan): void {
    count(this.tally.cuts, `${hop}, ${how}`)
  }
}

const count = (counts: Map<string, number>, what: string): void => {
  counts.set(what, (counts.get(what) ?? 0) + 1)
}

/** Cuts told with a problem: the last ones that it may have met. */
const MOST_TOLD_COUNT = 6

/** An exchange as a person needs it to look into what was wrong. */
const tell = ({ story, outcome, cuts }: Case): string =>
  [
    story,
    `the caller: ${outcome.kind} ${outcome.detail}`,
    ...cuts
      .slice(-MOST_TOLD_COUNT)
      .map(
        ({ hop, plan: { direction, afterBytes, how, slicedBytes } }) =>
          `${hop} ${how} ${direction} after ${afterBytes}, ${slicedBytes} sliced`,
      ),
  ].join('; ')

const wordFor = ({ kind, receipt }: Outcome): string => (kind === 'served' ? (receipt?.ending ?? kind) : kind)
