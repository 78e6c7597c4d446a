import type { Attack, Door } from './attack.ts'
import type { AttackerReport } from './attacker.ts'
import type { VictimReport } from './victim.ts'

/** One attack, measured. */
export interface Outcome {
  readonly attack: Attack
  readonly door: Door
  /** What the attacked sidecar's memory grew over the most of the calm before, MiB. */
  readonly growthMib: number
  readonly without: VictimReport
  readonly withAttack: VictimReport
  readonly report: AttackerReport
  readonly strikes: number
  /** A sidecar is no more. */
  readonly hasDied: boolean
}

const MOST_GROWTH_MIB = 16
const MOST_RATIO = 2
const MOST_CUT_MS = 2_000

const COLUMNS = [
  ['attack', 27],
  ['door', 5],
  ['growth MiB', 11],
  ['p99 ms calm', 12],
  ['attacked', 9],
  ['ratio', 6],
  ['errors', 7],
  ['cuts', 6],
  ['cut ms', 8],
  ['strikes', 8],
] as const

const row = (cells: readonly (string | number)[]): string =>
  COLUMNS.map(([, width], at) => {
    const text = String(cells[at])
    return at < 2 ? text.padEnd(width) : text.padStart(width)
  }).join('')

/** The head of the table. */
export const TITLE: string = row(COLUMNS.map(([name]) => name))

/** What is wrong with it, in words: nothing, if it did not get through. */
export function judge(outcome: Outcome): readonly string[] {
  const { attack, report, strikes, hasDied } = outcome
  const wrong: string[] = []
  if (hasDied) wrong.push('a sidecar died')
  const isMeasured = attack.asksAvailabilityOnly !== true
  if (isMeasured && outcome.growthMib > MOST_GROWTH_MIB) wrong.push(`memory grew by more than ${MOST_GROWTH_MIB} MiB`)
  if (isMeasured && ratioOf(outcome) > MOST_RATIO)
    wrong.push(`the victim's p99 is more than ${MOST_RATIO} times what it was`)
  if (errorsOf(outcome) > 0) wrong.push(`the victim had errors: ${JSON.stringify(outcome.withAttack.errors)}`)
  if (outcome.withAttack.count === 0) wrong.push('the victim had no answer')
  if (attack.counter !== undefined && strikes === 0) wrong.push(`${attack.counter} did not rise`)
  if (report.connections === 0) wrong.push('the attacker was not let in')
  if (attack.isCut && report.cuts === 0) wrong.push('nothing was cut')
  if (Math.max(0, ...report.cutMs, ...(attack.isCut ? report.uncutMs : [])) > MOST_CUT_MS) {
    wrong.push(`the cut came later than ${MOST_CUT_MS} ms`)
  }
  return wrong
}

/** The outcome as a line of the table. */
export function line(outcome: Outcome): string {
  const { attack, door, growthMib, without, withAttack, report, strikes } = outcome
  const most = report.cutMs.length === 0 ? '' : Math.round(Math.max(...report.cutMs))
  const wrong = judge(outcome)
  return `${row([
    attack.name,
    door,
    growthMib.toFixed(1),
    without.p99Ms.toFixed(1),
    withAttack.p99Ms.toFixed(1),
    ratioOf(outcome).toFixed(1),
    errorsOf(outcome),
    report.cuts,
    most,
    attack.counter === undefined ? '' : strikes,
  ])}  ${wrong.length === 0 ? 'ok' : wrong.join('; ')}`
}

const ratioOf = ({ without, withAttack }: Outcome): number => withAttack.p99Ms / without.p99Ms
const errorsOf = ({ withAttack }: Outcome): number => Object.values(withAttack.errors).reduce((sum, n) => sum + n, 0)
