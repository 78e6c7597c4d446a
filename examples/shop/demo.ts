import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { StopSignals, systemRuntime } from '../../cli/up/main.ts'
import { readMeshFile } from '../../cli/up/mesh-file.ts'
import { type RunningMesh, startMesh } from '../../cli/up/running-mesh.ts'
import { startOtlpReceiver } from '../../control-plane/telemetry/otlp-receiver.ts'
import { TraceStore } from '../../control-plane/telemetry/trace-store.ts'
import { sleep, systemClock } from '../../sidecar/core/clock.ts'
import { parseDurationMs } from '../../sidecar/core/duration.ts'
import { systemRandom } from '../../sidecar/core/random.ts'
import { type ConsulAgent, forgetMesh, startConsul } from './demo/consul-agent.ts'
import { gatherEvidence } from './demo/evidence.ts'
import { between, freeze, Load, percentile } from './demo/load.ts'
import { playStory } from './demo/story.ts'
import { joinedTraces } from './demo/traces.ts'
import { whereToLook } from './demo/where-to-look.ts'

/*
 * The demo: `make demo`, or unattended, `make demo ONCE=1`. Real services, each with its sidecar, under load, while
 * policy changes and replicas die. Ends with code 0 only if everything that it claims was seen.
 */

const USAGE =
  'node examples/shop/demo.ts [--once] [--registry consul|consul://HOST:PORT] [--leaf-lifetime 20s] [--hold 60s]'
const REQUESTS_PER_SECOND = 80
/** Who calls somebody in the shop, as the callee's sidecar must have recognized it. */
const CALLERS = ['shopper', 'web', 'orders']
/** Sidecars send their spans once a second. */
const SPANS_ARRIVE_MS = 1_500
const TRACES = 4_000

process.exitCode = await main().catch((error: unknown) => {
  console.error(`demo: ${error instanceof Error ? error.message : String(error)}`)
  return 1
})

async function main(): Promise<number> {
  const { once, registry, leafLifetimeMs, holdMs } = readArguments()
  const startedMs = systemClock.nowMs()
  const signals = new StopSignals()
  const tell = (text: string): void => console.log(`\n▸ ${text}`)
  const directory = mkdtempSync(join(tmpdir(), 'outrigger-demo-'))
  // However this ends: a second ctrl-c waits for nothing.
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  const receiver = await startOtlpReceiver({ store: new TraceStore(TRACES) })
  // A registry of somebody else may hold an earlier run.
  const registryMesh = `shop-${Math.floor(systemRandom() * 1e9).toString(36)}`
  let consul: ConsulAgent | undefined
  let mesh: RunningMesh | undefined
  try {
    if (registry === 'consul') consul = await startConsul(directory, systemRandom)
    const registryUrl = consul?.url ?? registry
    tell(`Starting the shop: 7 programs, 8 sidecars, a control plane; registry: ${registryUrl ?? 'embedded'}`)
    const file = readMeshFile(fileURLToPath(new URL('mesh.yaml', import.meta.url)))
    if (!file.ok) throw new Error(file.error)
    const started = await startMesh(
      file.value,
      {
        directory,
        sampling: 1,
        otlpEndpoint: receiver.url,
        signal: signals.signal,
        registryMesh,
        ...(registryUrl === undefined ? {} : { registryUrl }),
        ...(leafLifetimeMs === undefined ? {} : { leafLifetimeMs }),
      },
      {
        clock: systemClock,
        random: systemRandom,
        runtime: systemRuntime,
        onLine: () => undefined,
        onRestart: ({ name }, exit) => console.log(`  ${name} ended (${exit}) and is started again`),
      },
    )
    if (!started.ok) throw new Error(started.error)
    mesh = started.value
    console.log(`  up after ${((systemClock.nowMs() - startedMs) / 1_000).toFixed(1)} s; API ${mesh.apiUrl}`)
    return await run(mesh)
  } finally {
    await mesh?.stop()
    await consul?.stop()
    if (registry?.startsWith('consul://')) await forgetMesh(registry, registryMesh)
    await receiver.close()
  }

  async function run(running: RunningMesh): Promise<number> {
    const load = new Load(`${running.upstreamUrl('shopper', 'web')}/`, REQUESTS_PER_SECOND)
    const stopPrinting = printEverySecond(load)
    const outcome = await playStory({ mesh: running, load, tell, isAborted: () => signals.signal.aborted })
    if (holdMs > 0) {
      tell(`Nothing changes for ${holdMs / 1_000} s`)
      await sleep(systemClock, holdMs, signals.signal)
    }
    if (once) await load.stop()
    await sleep(systemClock, SPANS_ARRIVE_MS)
    const joined = joinedTraces(receiver.store)
    const evidence = await gatherEvidence(running, CALLERS)
    if (leafLifetimeMs !== undefined) tell(`Every sidecar renewed its certificate ${evidence.renewals} times or more`)
    const trace = joined[0] === undefined ? [] : receiver.store.spans(joined[0])
    tell('Where to look next')
    console.log(await whereToLook(running, trace, receiver.url))
    if (!once && !signals.signal.aborted) {
      tell('The shop goes on. Ctrl-c ends it.')
      await signals.stopped
    }
    await load.stop()
    stopPrinting()
    const { requests, failures } = load.counts
    const result = {
      requests,
      unexpectedFailures: failures,
      mtls: evidence.mtls,
      identities: evidence.identities,
      split: outcome.split,
      denied: outcome.denied,
      retries: evidence.retries,
      tracesJoined: joined.length,
      seconds: Math.round((systemClock.nowMs() - startedMs) / 100) / 10,
    }
    const objections = [...outcome.objections, ...evidence.objections]
    if (once && signals.signal.aborted) objections.push('the demo was interrupted')
    if (joined.length === 0) objections.push('no trace was received as one tree of all hops')
    if (failures > 0) objections.push(`${failures} requests failed`)
    for (const objection of objections) console.error(`✘ ${objection}`)
    for (const { atSeconds, status, detail } of load.failures) {
      console.error(`  after ${atSeconds.toFixed(2)} s of load: ${status} ${detail}`)
    }
    console.log(JSON.stringify(result))
    return objections.length === 0 ? 0 : 1
  }
}

/** A line for each second: what a person can follow. */
function printEverySecond(load: Load): () => void {
  let before = freeze(load.counts)
  const timer = setInterval(() => {
    const now = freeze(load.counts)
    const { requests, failures, split, latenciesMs } = between(before, now)
    before = now
    const p = (ratio: number): string => `${percentile(latenciesMs, ratio).toFixed(1)} ms`
    const answers = `${String(requests).padStart(4)} requests  ${failures} failed`
    console.log(
      `  ${answers}   inventory v1 ${String(split.v1).padStart(3)}  v2 ${String(split.v2).padStart(3)}   p50 ${p(0.5)}  p99 ${p(0.99)}`,
    )
  }, 1_000)
  return () => clearInterval(timer)
}

interface Arguments {
  readonly once: boolean
  readonly registry: string | undefined
  readonly leafLifetimeMs: number | undefined
  readonly holdMs: number
}

function readArguments(): Arguments {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: { once: { type: 'boolean' }, registry: text, 'leaf-lifetime': text, hold: text },
  })
  const { registry } = values
  if (registry !== undefined && registry !== 'consul' && !/^(consul:\/\/|embedded:)/.test(registry)) {
    throw new Error(`registry "${registry}" is not known; wanted "consul" or "consul://HOST:PORT". ${USAGE}`)
  }
  return {
    once: values.once === true,
    registry,
    leafLifetimeMs: toMs(values['leaf-lifetime']),
    holdMs: toMs(values.hold) ?? 0,
  }
}

function toMs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const parsed = parseDurationMs(text)
  if (!parsed.ok) throw new Error(parsed.error)
  return parsed.value
}
