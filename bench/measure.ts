import type { BenchCase, Load } from './case.ts'
import type { ContestantName } from './contestant.ts'
import type { Runner } from './line.ts'
import { bulk } from './load/bulk.ts'
import { h2load } from './load/h2load.ts'
import { type Loader, runLoader } from './load/load.ts'
import { paced } from './load/paced.ts'
import { wrk } from './load/wrk.ts'
import { type Figures, METRICS, type Metric, showFigure } from './metrics.ts'
import { cpuSeconds, memoryBytes } from './processes.ts'
import { type ContestantResult, type Sample, withAdded } from './result.ts'

/** How often and how long. */
export interface Pace {
  readonly rounds: number
  readonly seconds: number
}

/** Share of a round's time, and at least this many seconds. */
const WARM_UP = { share: 0.5, leastSeconds: 1 }
/** No port; stands in a command that is shown. */
const PORT_MARK = 99_999

/** The load generator of a case. */
export function loaderFor(load: Exclude<Load, { tool: 'restart' }>, port: number, seconds: number): Loader {
  switch (load.tool) {
    case 'wrk':
      return wrk(load, port, seconds)
    case 'h2load':
      return h2load(load, port, seconds)
    case 'bulk':
      return bulk(load, port, seconds)
    case 'paced':
      return paced(load, port, seconds)
  }
}

/** All rounds of a case, interleaved (A B C A B C …), after one of warm-up that counts for nothing. */
export async function measureCase(
  { name, load, metrics }: BenchCase,
  runners: readonly Runner[],
  { rounds, seconds }: Pace,
  loadCore: number,
): Promise<{ readonly command: string; readonly contestants: readonly ContestantResult[] }> {
  if (load.tool === 'restart') throw new Error(`case "${name}" is not one of load`)
  const samples = new Map<ContestantName, Sample[]>(runners.map((runner) => [runner.name, []]))
  const warmUpSeconds = Math.max(WARM_UP.leastSeconds, Math.ceil(seconds * WARM_UP.share))
  for (const { port } of runners) await runLoader(loadCore, loaderFor(load, port, warmUpSeconds))
  for (let round = 1; round <= rounds; round++) {
    for (const runner of runners) {
      // What nothing is compared with round by round is measured once: it says that the load could do more.
      if (runner.name === 'direct' && load.tool !== 'paced' && round > 1) continue
      const loader = loaderFor(load, runner.port, seconds)
      const sample = await measureRound(runner, loader, loadCore, round)
      samples.get(runner.name)?.push(sample)
      process.stderr.write(`${name} ${round}/${rounds} ${runner.title}: ${describe(metrics, sample)}\n`)
    }
  }
  const { program, args } = loaderFor(load, PORT_MARK, seconds).command
  const contestants = runners.map(({ name: of, title, version }) => ({
    ...{ name: of, title, version },
    samples: samples.get(of) ?? [],
  }))
  return { command: showCommand(loadCore, program, args), contestants: withAdded(contestants) }
}

async function measureRound(runner: Runner, loader: Loader, core: number, round: number): Promise<Sample> {
  const proxies = runner.processes()
  const before = cpuSeconds(proxies.flat())
  const { figures, requests, errors } = await runLoader(core, loader)
  const used = cpuSeconds(proxies.flat()) - before
  const largest = (which: 'VmRSS' | 'VmHWM'): number =>
    Math.max(...proxies.map((pids) => memoryBytes(pids, which) / 1e6))
  const ofProxies: Figures =
    proxies.length === 0
      ? {}
      : {
          residentMb: largest('VmRSS'),
          peakMb: largest('VmHWM'),
          ...(requests === undefined || requests === 0
            ? {}
            : { coresPer1000: ((used / proxies.length) * 1_000) / requests }),
        }
  return { round, errors, figures: { ...figures, ...ofProxies } }
}

/** The figures of a round in a line, for whoever watches. */
export const describe = (metrics: readonly Metric[], { figures, errors }: Sample): string =>
  [
    ...metrics.flatMap((metric) =>
      figures[metric] === undefined ? [] : `${METRICS[metric].title} ${showFigure(metric, figures[metric])}`,
    ),
    ...(errors === 0 ? [] : [`${errors} errors: worthless`]),
  ].join(', ')

/** A command as it can be typed: paths of our own programs from the folder of the repository. */
function showCommand(core: number, program: string, args: readonly string[]): string {
  const root = new URL('..', import.meta.url).pathname
  return ['taskset', '-c', String(core), program, ...args]
    .map((word) => word.replace(process.execPath, 'node').replace(root, '').replace(String(PORT_MARK), 'PORT'))
    .map((word) => (/\s/.test(word) ? `'${word}'` : word))
    .join(' ')
}
