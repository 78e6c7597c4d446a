import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { BenchCase } from './case.ts'
import { CASES, QUICK } from './cases.ts'
import { makeCertificates } from './certificates.ts'
import type { ContestantKind } from './contestant.ts'
import { CONTESTANTS } from './contestants/contestants.ts'
import { type Ground, type Line, startLine } from './line.ts'
import { findMissing, pinThisProcess, thisCommit, thisMachine } from './machine.ts'
import { describe, measureCase, type Pace } from './measure.ts'
import { toMarkdown } from './report/markdown.ts'
import { writePage } from './report/page.ts'
import { type Absent, type BenchRun, type CaseResult, judge } from './result.ts'
import { measureStarts } from './start-time.ts'

/*
 * Two proxies in two processes with mutual TLS between them: all contestants in one run, rounds interleaved, both
 * proxies on one core, load and backend on the other. What is measured is the table in `cases.ts`.
 */

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    contestants: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    name: { type: 'string' },
    page: { type: 'boolean', default: false },
  },
})

const PROXY_CORE = 0
const LOAD_CORE = 1
/** A shared machine is noisy: a quick run fails below this share of a floor only. */
const QUICK_SLACK = 0.75
const RESULTS = fileURLToPath(new URL('results', import.meta.url))

const missing = findMissing(['taskset', 'chrt', 'openssl', 'wrk', 'nginx'])
if (missing !== undefined) {
  console.log(`bench: skipped: "${missing}" is not installed; .ci/install-servers installs it on Debian`)
  process.exit(0)
}

const only = flags.quick ? [QUICK.name] : flags.only?.split(',')
const cases = CASES.filter(({ name }) => only?.some((part) => name === part || name.startsWith(`${part}-`)) ?? true)
if (cases.length === 0) {
  console.error(`bench: no case is called "${flags.only}"; there are ${CASES.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}
const wanted = flags.contestants?.split(',') ?? (flags.quick ? QUICK.contestants : undefined)
const chosen = CONTESTANTS.filter(({ name }) => wanted?.includes(name) ?? true)
const present = chosen.filter((kind) => kind.version() !== undefined)
const absent: Absent[] = chosen
  .filter((kind) => !present.includes(kind))
  .map(({ name, title }) => ({ name, title, reason: 'not installed' }))
const pace: Pace = {
  rounds: Number(flags.rounds ?? (flags.quick ? 3 : 5)),
  seconds: Number(flags.seconds ?? (flags.quick ? 3 : 5)),
}

pinThisProcess(LOAD_CORE)
const directory = mkdtempSync(join(tmpdir(), 'outrigger-bench-'))
const ground: Ground = {
  directory,
  tls: makeCertificates(join(directory, 'tls')),
  core: PROXY_CORE,
  loadCore: LOAD_CORE,
}
const results: CaseResult[] = []
try {
  for (const wire of ['http', 'grpc', 'tcp'] as const) {
    const loaded = cases.filter((benchCase) => benchCase.wire === wire && benchCase.load.tool !== 'restart')
    if (loaded.length > 0)
      await measureLine(
        loaded,
        present.filter(({ wires }) => wires.includes(wire)),
      )
  }
  for (const benchCase of cases) if (benchCase.load.tool === 'restart') keep(await measureRestarts(benchCase))
} finally {
  rmSync(directory, { recursive: true, force: true })
}

console.log(toMarkdown(soFar(), CASES))
if (flags.page && flags.name !== undefined) writePage([flags.name])
if (flags.quick) process.exitCode = judgeQuick()

async function measureLine(loaded: readonly BenchCase[], kinds: readonly ContestantKind[]): Promise<void> {
  const [first] = loaded
  if (first === undefined) return
  const line: Line = await startLine(ground, first.wire, kinds)
  absent.push(...line.failed)
  try {
    for (const benchCase of loaded) {
      const own = { ...pace, seconds: pace.seconds * (benchCase.stretch ?? 1) }
      const runners = flags.quick ? line.runners.filter(({ name }) => name !== 'direct') : line.runners
      const measured = await measureCase(benchCase, runners, own, LOAD_CORE)
      keep({ name: benchCase.name, ...own, ...stamp(), ...measured })
    }
  } finally {
    await line.stop()
  }
}

async function measureRestarts({ name, metrics }: BenchCase): Promise<CaseResult> {
  const samples = await measureStarts(ground, pace.rounds)
  for (const sample of samples) process.stderr.write(`${name} ${sample.round}: ${describe(metrics, sample)}\n`)
  const [ours] = CONTESTANTS
  const contestants = [
    { name: 'outrigger' as const, title: ours?.title ?? '', version: ours?.version() ?? '', samples },
  ]
  return { name, rounds: pace.rounds, seconds: 0, ...stamp(), command: 'outrigger sidecar …', contestants }
}

/** Keeps a case, in the file, too: a run takes long, and what is measured is not lost when a later case fails. */
function keep(result: CaseResult): void {
  results.push(result)
  if (flags.name === undefined) return
  mkdirSync(RESULTS, { recursive: true })
  writeFileSync(join(RESULTS, `${flags.name}.json`), `${JSON.stringify(soFar(), undefined, 1)}\n`)
}

function soFar(): BenchRun {
  const command = ['node', 'bench/run.ts', ...process.argv.slice(2)].join(' ')
  return { machine: thisMachine(), command, absent, cases: results }
}

function stamp(): { readonly commit: string; readonly date: string } {
  return { commit: thisCommit(), date: new Date().toISOString() }
}

/**
 * Prints the one ratio; 1 where it is far below the floor, or where HAProxy had a round without errors and Outrigger none.
 * A machine on which HAProxy cannot be measured says nothing of Outrigger.
 */
function judgeQuick(): number {
  const [quick, result] = [cases[0], results[0]]
  const judgement = quick && result && judge(quick, result).find(({ peer }) => peer === 'haproxy-h2')
  if (judgement?.theirs === undefined) {
    console.log(`bench: no ratio: HAProxy is ${absent.length > 0 ? 'absent' : 'without a round that counts'}`)
    return 0
  }
  const { value = 0, goal, floor } = judgement
  const least = floor * QUICK_SLACK
  console.log(
    `bench: ${value.toFixed(2)} of HAProxy with HTTP/2 between (goal ${goal}, floor ${floor}; fails below ${least.toFixed(2)})`,
  )
  return judgement.ours === undefined || (judgement.value !== undefined && value < least) ? 1 : 0
}
