/** Something pending that can be called off. Calling it off twice, or after it happened, does nothing. */
export interface Timer {
  cancel(): void
}

/** Time as the rest of the code may know it. The one door to the system's clocks and timers, so that tests can turn the hands. */
export interface Clock {
  /** Monotonic milliseconds, for durations; never goes back. */
  nowMs(): number
  /** Wall-clock milliseconds since the epoch, for certificates and log lines only. */
  wallMs(): number
  /**
   * Calls `action` once, `delayMs` from now. Delays beyond 2^31−1 ms, which `setTimeout` would fire at once
   * (Node's documentation of setTimeout), are waited for in stages. Does not keep the process alive when `background`.
   */
  after(delayMs: number, action: () => void, options?: { readonly background?: boolean }): Timer
}

/** Looked up once: a global is looked up anew each time, and this is asked some twenty times for each request. */
const { performance } = globalThis

/** While one piece of input is worked on, it is one moment. −1: nobody asked yet which. */
let isHeld = false
let heldMs = -1

/**
 * Does `work` with the system's monotonic clock standing still: a request asks for the time some twenty times on its way,
 * all of them for what is the same moment (libuv and Envoy keep one time for a turn of their loop likewise). For
 * callbacks of sockets, which wait for nothing.
 */
export function inOneMoment<A, B>(work: (first: A, second: B) => void, first: A, second: B): void {
  isHeld = true
  try {
    work(first, second)
  } finally {
    isHeld = false
    heldMs = -1
  }
}

const LONGEST_TIMEOUT_MS = 2 ** 31 - 1

/** The system's clock. */
export const systemClock: Clock = {
  nowMs() {
    if (!isHeld) return performance.now()
    if (heldMs < 0) heldMs = performance.now()
    return heldMs
  },
  wallMs: () => Date.now(),
  after(delayMs, action, options) {
    let remainingMs = Math.max(0, delayMs)
    let handle: NodeJS.Timeout
    const arm = (): void => {
      const stageMs = Math.min(remainingMs, LONGEST_TIMEOUT_MS)
      remainingMs -= stageMs
      handle = setTimeout(() => (remainingMs > 0 ? arm() : action()), stageMs)
      if (options?.background === true) handle.unref()
    }
    arm()
    return { cancel: () => clearTimeout(handle) }
  },
}

/** Resolves after `delayMs`, or at once when `signal` aborts. Never rejects. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve()
    const done = (): void => {
      timer.cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = clock.after(delayMs, done)
    signal?.addEventListener('abort', done, { once: true })
  })
}
