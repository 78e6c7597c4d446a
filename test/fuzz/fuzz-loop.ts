import { seededRandom } from '../../sidecar/core/random.ts'
import { CodeCoverage } from './code-coverage.ts'
import type { FuzzTarget } from './fuzz-target.ts'
import { Mutator } from './mutator.ts'

/** Inputs between two questions about coverage, which cost as much as some fifty of them. */
const BATCH = 128
/** Of one kind of outcome one input is enough; a target that names too many kinds must not fill the memory. */
const MAX_OUTCOMES = 2_000
const SHRINK_TRIES = 2_000

/** An input that breaks an invariant, as short as it could be made. */
export interface Finding {
  readonly input: Buffer
  readonly message: string
}

/** What the loop tells while it runs. */
export interface LoopProgress {
  executions: number
  /** Inputs that are kept because they reached something new. */
  kept: number
  coveredCharacters: number
}

/**
 * Changes inputs, keeps those that run new code or give a new kind of outcome, and changes them further, until one breaks
 * an invariant or `mayGoOn` says no. Repeatable: by `seed`, for the same code and the same corpus.
 * @param onInput hears of every input before it is tried, for a watchdog
 */
export function fuzz(
  target: FuzzTarget,
  corpus: readonly Buffer[],
  seed: number,
  progress: LoopProgress,
  onInput: (input: Buffer) => void,
  mayGoOn: () => boolean,
): Finding | undefined {
  const random = seededRandom(seed)
  const mutator = new Mutator(random, target.words, target.maxBytes)
  using coverage = new CodeCoverage()
  const pool: Buffer[] = []
  const outcomes = new Set<string>()
  let failure: Finding | undefined

  /** Whether its outcome is a new one. */
  const attempt = (input: Buffer): boolean => {
    onInput(input)
    progress.executions++
    const outcome = outcomeOf(target, input)
    if (typeof outcome !== 'string') failure ??= { input, message: outcome.message }
    else if (!outcomes.has(outcome) && outcomes.size < MAX_OUTCOMES) {
      outcomes.add(outcome)
      return true
    }
    return false
  }

  for (const input of [...target.seeds, ...corpus, Buffer.alloc(0)]) {
    attempt(input)
    pool.push(input)
  }
  coverage.foundNew()
  while (failure === undefined && mayGoOn()) {
    const batch: Buffer[] = []
    while (batch.length < BATCH && failure === undefined) {
      const input = mutator.next(pool)
      if (attempt(input)) pool.push(input)
      else batch.push(input)
    }
    if (failure === undefined && coverage.foundNew()) {
      // Some input of the batch did it. One after the other they say which.
      coverage.forgetLast()
      for (const input of batch) {
        attempt(input)
        if (coverage.foundNew()) pool.push(input)
      }
    }
    progress.kept = pool.length
    progress.coveredCharacters = coverage.coveredCharacters
  }
  return failure === undefined ? undefined : shrink(target, failure, onInput)
}

function outcomeOf(target: FuzzTarget, input: Buffer): string | Error {
  try {
    return target.check(input)
  } catch (thrown) {
    return thrown instanceof Error ? thrown : new Error(String(thrown))
  }
}

/** Takes octets out for as long as the invariant stays broken. */
function shrink(target: FuzzTarget, failure: Finding, onInput: (input: Buffer) => void): Finding {
  let { input, message } = failure
  let tries = 0
  for (let count = input.length >> 1; count > 0; count >>= 1) {
    for (let at = 0; at + count <= input.length && tries < SHRINK_TRIES; ) {
      const shorter = Buffer.concat([input.subarray(0, at), input.subarray(at + count)])
      tries++
      onInput(shorter)
      const outcome = outcomeOf(target, shorter)
      if (typeof outcome === 'string') at += count
      else {
        input = shorter
        message = outcome.message
      }
    }
  }
  return { input, message }
}
