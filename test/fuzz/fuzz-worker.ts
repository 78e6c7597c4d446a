import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../sidecar/core/clock.ts'
import { corpusOf } from './corpus.ts'
import { fuzz, type LoopProgress } from './fuzz-loop.ts'
import { findTarget } from './targets.ts'

/** What a worker is started with. */
export interface WorkerOrder {
  readonly name: string
  readonly seed: number
  readonly seconds: number
  /** Octets that the worker shares with who watches it: input's number, its length, its octets. */
  readonly current: SharedArrayBuffer
}

/** What it says at the end. */
export interface WorkerReport extends LoopProgress {
  readonly finding: { readonly input: Uint8Array; readonly message: string } | undefined
}

/** Where the octets of the current input begin. */
export const INPUT_AT = 8

if (parentPort !== null) parentPort.postMessage(work(workerData as WorkerOrder))

function work({ name, seed, seconds, current }: WorkerOrder): WorkerReport {
  const target = findTarget(name)
  const marks = new Int32Array(current, 0, 2)
  const copy = new Uint8Array(current, INPUT_AT)
  const progress: LoopProgress = { executions: 0, kept: 0, coveredCharacters: 0 }
  const endMs = systemClock.nowMs() + seconds * 1000
  const tell = (input: Buffer): void => {
    copy.set(input.subarray(0, copy.length))
    marks[1] = input.length
    Atomics.add(marks, 0, 1)
  }
  const finding = fuzz(target, corpusOf(name), seed, progress, tell, () => systemClock.nowMs() < endMs)
  return { ...progress, finding }
}
