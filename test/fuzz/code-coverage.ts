import { type Profiler, Session } from 'node:inspector'

/** The product's own code: what tests and libraries reach is no news. */
const OWN_CODE = /\/(?:sidecar|certs|control-plane)\/(?!.*\/node_modules\/)/

/**
 * Which blocks of the product's code have run, by V8's block coverage. To ask costs a millisecond, so it is asked after
 * many inputs, not after each.
 */
export class CodeCoverage implements Disposable {
  readonly #session = new Session()
  /** For each function, by place: an octet for each character, 1 where it ran. */
  readonly #seen = new Map<string, Uint8Array>()
  /** What the last question found to be new. */
  #fresh: { seen: Uint8Array; at: number }[] = []
  /** Characters of the code that ran. */
  coveredCharacters = 0

  constructor() {
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.startPreciseCoverage', { callCount: false, detailed: true })
  }

  /** Whether code ran since the last call that had not run before. */
  foundNew(): boolean {
    this.#fresh = []
    this.#session.post('Profiler.takePreciseCoverage', (_, taken) => {
      for (const script of taken?.result ?? []) {
        if (!OWN_CODE.test(script.url) || script.url.includes('/test/')) continue
        for (const ran of script.functions) this.#add(script.scriptId, ran)
      }
    })
    this.coveredCharacters += this.#fresh.length
    return this.#fresh.length > 0
  }

  /** Forgets what the last question found, so that what runs it again is new again. */
  forgetLast(): void {
    for (const { seen, at } of this.#fresh) seen[at] = 0
    this.coveredCharacters -= this.#fresh.length
    this.#fresh = []
  }

  /** Ranges are nested, the outer first; inner ones take back, or give again, what outer ones said. */
  #add(scriptId: string, ran: Profiler.FunctionCoverage): void {
    const [whole] = ran.ranges
    if (whole === undefined || whole.count === 0) return
    const key = `${scriptId}:${whole.startOffset}:${whole.endOffset}`
    const now = new Uint8Array(whole.endOffset - whole.startOffset)
    for (const { startOffset, endOffset, count } of ran.ranges)
      now.fill(count > 0 ? 1 : 0, startOffset - whole.startOffset, endOffset - whole.startOffset)
    const seen = this.#seen.get(key) ?? new Uint8Array(now.length)
    this.#seen.set(key, seen)
    for (let i = 0; i < now.length; i++) {
      if (now[i] === 0 || seen[i] === 1) continue
      seen[i] = 1
      this.#fresh.push({ seen, at: i })
    }
  }

  [Symbol.dispose](): void {
    this.#session.disconnect()
  }
}
