import { Http1ClientConnection } from '../../sidecar/connection/http1-client-connection.ts'
import { Http1ServerConnection } from '../../sidecar/connection/http1-server-connection.ts'
import { Http1ServerStream } from '../../sidecar/connection/http1-server-stream.ts'
import { Http2Socket } from '../../sidecar/connection/http2-socket.ts'
import { Http2Stream } from '../../sidecar/http2/stream/http2-stream.ts'
import { Exchange } from '../../sidecar/pipeline/exchange.ts'
import { TcpEnd } from '../../sidecar/tunnel/tcp-end.ts'
import { pause } from '../support/eventually.ts'
import { CutStage } from './cut-stage.ts'
import { KINDS } from './kinds.ts'
import { leftOver, liveObjects, type Standing, standing } from './leftovers.ts'
import { CutRun, type CutTally, cutCount } from './run-cuts.ts'

/** What an exchange is made of: of none of it may more be left than was there before. */
const CLASSES = [
  Exchange,
  Http1ServerConnection,
  Http1ServerStream,
  Http1ClientConnection,
  Http2Socket,
  Http2Stream,
  TcpEnd,
]
/** Cuts between two looks at what is left over. */
const BATCH_COUNT = 1_000
/** Longer than idle connections to applications are kept. */
const IDLE_MS = 6_000
/** Longer than it takes until what is idle, half-closed or slow to end has ended. */
const SETTLING_MS = 90_000

export interface CutEndurance {
  readonly cuts: number
  readonly seed: number
  /** Part of the names of the kinds that are wanted; all when absent. */
  readonly only?: string | undefined
  readonly say: (line: string) => void
}

/** Runs the cuts in batches; after each, everything must be heard and given back. */
export async function endureCuts({ cuts, seed, only = '', say }: CutEndurance): Promise<CutTally> {
  await using stage = await CutStage.start(seed)
  const kinds = KINDS.filter(({ name }) => name.includes(only))
  const run = new CutRun(stage, seed, { kinds })
  const { tally } = run
  await run.untouched()
  run.judge()
  const before = await calm(stage)
  for (let told = 0; cutCount(tally) < cuts; ) {
    await run.cut(Math.min(BATCH_COUNT, cuts - cutCount(tally)))
    const left = await leftBehind(stage, before, () => run.isHeardOut)
    run.judge()
    tally.problems.push(...left.map((what) => `left over: ${what}`))
    say(`${cutCount(tally)} cuts, ${tally.exchangeCount} exchanges, ${tally.problems.length} problems`)
    for (const problem of tally.problems.slice(told)) say(`  ${problem}`)
    told = tally.problems.length
  }
  await run.untouched()
  run.judge()
  report(tally, say)
  return tally
}

/** What stands open once it changes no more. */
async function calm(stage: CutStage): Promise<Standing> {
  let last = ''
  for (;;) {
    const now = await standing(stage)
    if (JSON.stringify(now) === last) return { ...now, ...liveObjects(CLASSES) }
    last = JSON.stringify(now)
    await pause(IDLE_MS)
  }
}

/** What stands open and did not before, when that does not end by itself; nothing as a rule. */
async function leftBehind(stage: CutStage, before: Standing, isHeardOut: () => boolean): Promise<readonly string[]> {
  const endMs = performance.now() + SETTLING_MS
  let left: readonly string[] = []
  do {
    left = leftOver(before, await standing(stage))
    if (left.length === 0 && isHeardOut()) left = leftOver(before, liveObjects(CLASSES))
    else if (left.length === 0) left = ['an application waits for an end']
    if (left.length > 0) await pause(500)
  } while (left.length > 0 && performance.now() < endMs)
  return left
}

function report({ outcomes, cuts, problems, exchangeCount }: CutTally, say: (line: string) => void): void {
  const list = (counts: ReadonlyMap<string, number>): string =>
    [...counts].map(([what, count]) => `${what} ${count}`).join(', ')
  for (const [kind, counts] of [...outcomes].sort(([a], [b]) => a.localeCompare(b))) say(`${kind}: ${list(counts)}`)
  say(
    `cuts by hop: ${[...cuts]
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([what, count]) => `${what} ${count}`)
      .join('; ')}`,
  )
  say(
    `${exchangeCount} exchanges, ${[...cuts.values()].reduce((sum, one) => sum + one, 0)} cuts: ${problems.length} problems`,
  )
}
