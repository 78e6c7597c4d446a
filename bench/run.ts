import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { makeCertificates } from './certificates.ts'
import { type Contestant, residentMib, type Stage } from './contestant.ts'
import { startHaproxy } from './contestants/haproxy.ts'
import { startBackend, startNginx } from './contestants/nginx.ts'
import { startOutrigger } from './contestants/outrigger.ts'
import { measure, median, type Sample } from './load.ts'
import { BENCH_MANIFESTS } from './manifests.ts'
import { type BenchReport, toMarkdown } from './report.ts'

/*
 * Requests per second and latency through two proxies in two processes with mutual TLS between them: all contestants in
 * one run, rounds interleaved, both proxies on one core, load and backend on the other. Medians of the rounds.
 */

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    only: { type: 'string' },
    out: { type: 'string' },
  },
})

const connectionCounts = flags.quick ? [128] : [1, 4, 32, 128]
const rounds = Number(flags.rounds ?? (flags.quick ? 3 : 5))
const seconds = Number(flags.seconds ?? (flags.quick ? 3 : 5))
const PROXY_CORE = 0
const LOAD_CORE = 1
const BODY_BYTES = 64

const isInstalled = (command: string): boolean => {
  try {
    execFileSync('which', [command], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

for (const needed of ['wrk', 'nginx', 'taskset', 'openssl']) {
  if (isInstalled(needed)) continue
  console.log(
    `bench: skipped: "${needed}" is not installed (it drives the load, answers it, pins it or makes the peers' certificates)`,
  )
  process.exit(0)
}

const directory = mkdtempSync(join(tmpdir(), 'outrigger-bench-'))
const backend = await startBackend(LOAD_CORE, directory, BODY_BYTES)
const stage: Stage = { directory, backendPort: backend.port, core: PROXY_CORE, ...makeCertificates(directory) }
const contestants: Contestant[] = []
const absent: string[] = []
try {
  const wanted = (name: string): boolean => flags.only === undefined || flags.only.split(',').includes(name)
  if (wanted('outrigger')) contestants.push(await startOutrigger(stage, BENCH_MANIFESTS))
  if (isInstalled('haproxy')) {
    if (wanted('haproxy')) contestants.push(await startHaproxy(stage, 'h2'))
    if (wanted('haproxy-h1')) contestants.push(await startHaproxy(stage, 'http/1.1'))
  } else absent.push('HAProxy')
  if (wanted('nginx')) contestants.push(await startNginx(stage))
  const report: BenchReport = {
    machine: `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Linux ${release()}, Node ${process.versions.node}`,
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
    })
      .toString()
      .trim(),
    load: `wrk, ${seconds} s a round, ${rounds} rounds interleaved, GET with a ${BODY_BYTES}-octet answer`,
    absent,
    rows: await measureAll(),
  }
  const text = toMarkdown(report)
  console.log(text)
  if (flags.out !== undefined) {
    mkdirSync(flags.out, { recursive: true })
    writeFileSync(join(flags.out, 'first-light.json'), `${JSON.stringify(report, undefined, 2)}\n`)
  }
} finally {
  await Promise.all(contestants.map((contestant) => contestant.stop()))
  await backend.stop()
  rmSync(directory, { recursive: true, force: true })
}

async function measureAll(): Promise<BenchReport['rows']> {
  const samples = new Map<string, Sample[]>()
  const memory = new Map<string, number>()
  for (const contestant of contestants) await measure(contestant.url, LOAD_CORE, 32, 2) // warm-up, not counted
  for (const connections of connectionCounts) {
    for (let round = 0; round < rounds; round++) {
      for (const contestant of contestants) {
        const key = `${contestant.name}|${connections}`
        const sample = await measure(contestant.url, LOAD_CORE, connections, seconds)
        samples.set(key, [...(samples.get(key) ?? []), sample])
        memory.set(contestant.name, Math.max(memory.get(contestant.name) ?? 0, ...contestant.pids.map(residentMib)))
        process.stderr.write(
          `${contestant.name}, ${connections} connections: ${Math.round(sample.requestsPerSecond)}/s, p50 ${sample.p50Ms.toFixed(2)} ms, p99 ${sample.p99Ms.toFixed(2)} ms, ${sample.errors} errors\n`,
        )
      }
    }
  }
  return contestants.map(({ name, version }) => ({
    name,
    version,
    residentMib: Math.round(memory.get(name) ?? 0),
    cells: connectionCounts.map((connections) => {
      const of = samples.get(`${name}|${connections}`) ?? []
      return {
        connections,
        requestsPerSecond: Math.round(median(of.map((sample) => sample.requestsPerSecond))),
        p50Ms: median(of.map((sample) => sample.p50Ms)),
        p99Ms: median(of.map((sample) => sample.p99Ms)),
        errors: of.reduce((sum, sample) => sum + sample.errors, 0),
      }
    }),
  }))
}
