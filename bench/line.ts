import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { answering } from './ask.ts'
import { type Backend, startBackend } from './backends/backends.ts'
import type { TlsFiles } from './certificates.ts'
import type { ContestantKind, ContestantName, Pair, Stage, Wire } from './contestant.ts'
import { inspect } from './inspect.ts'
import type { Absent } from './result.ts'

/** Where everything runs. */
export interface Ground {
  readonly directory: string
  readonly tls: TlsFiles
  readonly core: number
  readonly loadCore: number
}

/** A contestant that is ready for load; `direct` has no processes of its own. */
export interface Runner {
  readonly name: ContestantName
  readonly title: string
  readonly version: string
  readonly port: number
  processes(): readonly (readonly number[])[]
}

/** The contestants of one kind of traffic, started and seen to give the right answers. */
export interface Line {
  readonly runners: readonly Runner[]
  /** Contestants that are installed and did not start. */
  readonly failed: readonly Absent[]
  stop(): Promise<void>
}

/** Starts the backend and every contestant that carries such traffic. One of the peers that does not start is left out. */
export async function startLine(ground: Ground, wire: Wire, kinds: readonly ContestantKind[]): Promise<Line> {
  const directory = join(ground.directory, wire)
  mkdirSync(directory, { recursive: true })
  const backends: Backend[] = []
  const pairs: Pair[] = []
  const failed: Absent[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(pairs.map((pair) => pair.stop()))
    await Promise.all(backends.map((backend) => backend.stop()))
  }
  try {
    const sink = await startBackend('http', directory, ground.loadCore)
    backends.push(sink)
    const backend = wire === 'http' ? sink : await startBackend(wire, directory, ground.loadCore)
    if (backend !== sink) backends.push(backend)
    await answering(wire, backend.port)
    const runners: Runner[] = [
      { name: 'direct', title: 'direct, without proxies', version: '', port: backend.port, processes: () => [] },
    ]
    for (const kind of kinds) {
      const own = join(directory, kind.name)
      mkdirSync(own, { recursive: true })
      const stage: Stage = { ...ground, directory: own, wire, backendPort: backend.port, sinkPort: sink.port }
      try {
        const pair = await kind.start(stage)
        pairs.push(pair)
        await answering(wire, pair.frontPort)
        await inspect(kind, wire, pair, ground.tls)
        const { name, title } = kind
        runners.push({ name, title, version: kind.version() ?? '', port: pair.frontPort, processes: pair.processes })
      } catch (error) {
        if (kind.name === 'outrigger') throw error
        failed.push({
          name: kind.name,
          title: kind.title,
          reason: `left out: ${(error as Error).message.split('\n')[0]}`,
        })
      }
    }
    return { runners, failed, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
