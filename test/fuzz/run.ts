import { relative } from 'node:path'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { systemClock } from '../../sidecar/core/clock.ts'
import { keep } from './corpus.ts'
import { INPUT_AT, type WorkerOrder, type WorkerReport } from './fuzz-worker.ts'
import { findTarget, targets } from './targets.ts'

/*
 * `node test/fuzz/run.ts [--seconds 30] [--seed 1] [--hang-seconds 2] [TARGET…]`: every target, or those named, one after
 * the other. Ends with 1 when one of them broke an invariant or took longer than two seconds for an input; that input is
 * then in the corpus. A machine that is busy with other things needs more than two seconds.
 */

const LOOK_MS = 100
/** Of modules, and of the first batch, which is not compiled yet. */
const START_MS = 10_000

const { values, positionals } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    seed: { type: 'string', default: String(systemClock.wallMs() % 2 ** 31) },
    'hang-seconds': { type: 'string', default: '2' },
  },
  allowPositionals: true,
})
const seed = Number(values.seed)
const seconds = Number(values.seconds)
const hangMs = Number(values['hang-seconds']) * 1_000
const unknown = positionals.find((name) => !targets.some((target) => target.name === name))
if (unknown !== undefined) {
  console.error(`fuzz: no target is called "${unknown}"; there are ${targets.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}
const chosen = positionals.length === 0 ? targets : positionals.map(findTarget)
console.log(`seed ${seed}, ${seconds} s for each of ${chosen.length} targets`)
let findings = 0
for (const { name, maxBytes } of chosen) {
  const current = new SharedArrayBuffer(INPUT_AT + maxBytes + 1_024)
  const outcome = await watched({ name, seed, seconds, current })
  if ('hung' in outcome) {
    findings++
    console.log(`${name}: HANG, ${outcome.hung.length} octets: ${relative('.', keep(name, 'hang', outcome.hung))}`)
    continue
  }
  const { executions, kept, coveredCharacters, finding } = outcome
  console.log(
    `${name.padEnd(20)} ${String(executions).padStart(9)} runs ${String(Math.round(executions / seconds)).padStart(7)}/s` +
      ` ${String(kept).padStart(5)} kept ${String(coveredCharacters).padStart(6)} characters of code`,
  )
  if (finding === undefined) continue
  findings++
  const path = keep(name, 'broken', Buffer.from(finding.input))
  console.log(`${name}: BROKEN: ${finding.message.slice(0, 1_000)}\n  ${relative('.', path)}`)
}
console.log(findings === 0 ? 'nothing was found' : `${findings} findings`)
process.exitCode = findings === 0 ? 0 : 1

/** Runs a target in a thread of its own, and ends the thread when it stays with one input for too long. */
function watched(order: WorkerOrder): Promise<WorkerReport | { hung: Buffer }> {
  const marks = new Int32Array(order.current, 0, 2)
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./fuzz-worker.ts', import.meta.url), { workerData: order })
    let seen = 0
    let sinceMs = systemClock.nowMs() + START_MS
    const look = (): void => {
      const number = Atomics.load(marks, 0)
      const nowMs = systemClock.nowMs()
      if (number !== seen) {
        seen = number
        sinceMs = nowMs
      } else if (nowMs - sinceMs > hangMs) {
        const hung = Buffer.from(
          Buffer.from(order.current, INPUT_AT, Math.min(marks[1] ?? 0, order.current.byteLength - INPUT_AT)),
        )
        void worker.terminate()
        return resolve({ hung })
      }
      timer = systemClock.after(LOOK_MS, look)
    }
    let timer = systemClock.after(LOOK_MS, look)
    worker.once('message', (report: WorkerReport) => {
      timer.cancel()
      resolve(report)
    })
    worker.once('error', (error) => {
      timer.cancel()
      reject(error)
    })
  })
}
