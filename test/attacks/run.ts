import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { setPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { memoryMib, pause } from '../../bench/processes.ts'
import type { Attack, Door } from './attack.ts'
import type { AttackerOrder, AttackerReport } from './attacker.ts'
import { ATTACKS } from './classes.ts'
import { countOf } from './doors.ts'
import { type Attacked, ELSEWHERE_NICE, type Stand, startStand } from './stand.ts'
import { judge, line, type Outcome, TITLE } from './verdict.ts'
import type { VictimReport } from './victim.ts'

/*
 * `node test/attacks/run.ts [--seconds 30] [--calm 10] [--only NAME] [--fresh]`: every attack, or those whose name begins
 * so, one after the other against two sidecars, beside a well-behaved load, which is measured before each attack, too. Ends with 1 when one
 * of them got through. `--fresh`: new sidecars for each, so that what one left behind is not the next one's growth.
 */

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    calm: { type: 'string', default: '10' },
    only: { type: 'string', default: '' },
    fresh: { type: 'boolean', default: false },
  },
})
const seconds = Number(values.seconds)
const calmSeconds = Number(values.calm)
const WARM_UP_SECONDS = 5
/** For those whose limit is a time. */
const LEAST_LONG_SECONDS = 20
const SAMPLE_MS = 100

/** Who interrupts a run must not leave its processes behind: what is being opened is closed when it is open. */
process.once('SIGINT', () => void closeStage().finally(() => process.exit(130)))

const chosen = ATTACKS.filter(({ name }) => name.startsWith(values.only))
const outcomes: Outcome[] = []
let opening: Promise<Stage> | undefined
console.log(TITLE)
try {
  for (const attack of chosen) {
    for (const door of attack.doors) {
      opening ??= openStage()
      const outcome = await tried(await opening, attack, door)
      outcomes.push(outcome)
      console.log(line(outcome))
      if (values.fresh || outcome.hasDied) await closeStage()
    }
  }
} finally {
  await closeStage()
}
const failed = outcomes.filter((outcome) => judge(outcome).length > 0)
console.log(failed.length === 0 ? 'nothing got through' : `${failed.length} of ${outcomes.length} got through`)
process.exitCode = failed.length === 0 ? 0 : 1

interface Stage {
  readonly stand: Stand
  readonly victim: ChildProcess
  close(): Promise<void>
}

async function closeStage(): Promise<void> {
  const stage = opening
  opening = undefined
  await (await stage)?.close()
}

async function openStage(): Promise<Stage> {
  const directory = mkdtempSync(join(tmpdir(), 'outrigger-attacks-'))
  const stand = await startStand(directory)
  const victim = fork(new URL('victim.ts', import.meta.url), [String(stand.victim.port), stand.victim.authority])
  // V8's young generation grows with the first real load, whoever makes it: that is nobody's attack.
  for (const door of ['h2c', 'link'] as const) await attackFrom(stand, 'greedy-streams', door, WARM_UP_SECONDS)
  await pause(WARM_UP_SECONDS * 1_000)
  return {
    stand,
    victim,
    close: async () => {
      victim.disconnect()
      await stand.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

async function tried({ stand, victim }: Stage, attack: Attack, door: Door): Promise<Outcome> {
  const attacked = door === 'link' || door === 'tls' ? stand.back : stand.front
  const countBefore = await strikes(attacked, attack)
  await ask(victim)
  const calm = await during(attacked, pause(calmSeconds * 1_000))
  const without = await ask(victim)
  const isSlow = attack.isLong === true || attack.leapMs !== undefined
  const reported = attackFrom(stand, attack.name, door, isSlow ? Math.max(seconds, LEAST_LONG_SECONDS) : seconds)
  const hot = await during(attacked, reported)
  const withAttack = await ask(victim)
  const report = await reported
  const hasDied = [stand.front, stand.back].some(({ pid }) => memoryMib([pid], 'VmRSS') === 0)
  return {
    attack,
    door,
    growthMib: hot.mostMib - calm.mostMib,
    without,
    withAttack,
    report,
    strikes: hasDied ? 0 : (await strikes(attacked, attack)) - countBefore,
    hasDied,
  }
}

/** Attacks from a process of its own. */
async function attackFrom(stand: Stand, attack: string, door: Door, forSeconds: number): Promise<AttackerReport> {
  const attacker = fork(new URL('attacker.ts', import.meta.url))
  setPriority(attacker.pid ?? 0, ELSEWHERE_NICE)
  const { doors, authority, appPort } = stand
  const order: AttackerOrder = { attack, door, doors, authority, appPort, seconds: forSeconds }
  attacker.send(order)
  const [report] = (await once(attacker, 'message')) as [AttackerReport]
  return report
}

async function strikes(attacked: Attacked, { counter }: Attack): Promise<number> {
  return counter === undefined ? 0 : countOf(await attacked.metrics(), counter)
}

/** The most memory that the sidecar has while something lasts. */
async function during<T>({ pid }: Attacked, something: Promise<T>): Promise<{ mostMib: number }> {
  let mostMib = 0
  const timer = setInterval(() => {
    mostMib = Math.max(mostMib, memoryMib([pid], 'VmRSS'))
  }, SAMPLE_MS)
  await something
  clearInterval(timer)
  return { mostMib }
}

async function ask(victim: ChildProcess): Promise<VictimReport> {
  victim.send('report')
  const [report] = (await once(victim, 'message')) as [VictimReport]
  return report
}
