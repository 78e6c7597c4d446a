import assert from 'node:assert/strict'

import type { WatchListener } from '../../control-plane/registry/registry.ts'
import { systemClock } from '../../sidecar/core/clock.ts'

/** How long a test waits for what must come; far longer than it ever takes. */
const PATIENCE_MS = 30_000

/** A listener that keeps all it is told, and lets a test wait for a state. */
export class Told<T> implements WatchListener<T> {
  readonly states: T[] = []
  readonly availability: boolean[] = []
  readonly details: string[] = []
  readonly #waiting = new Set<() => void>()

  onState(state: T): void {
    this.states.push(state)
    this.#wake()
  }

  onAvailability(available: boolean, detail: string): void {
    this.availability.push(available)
    this.details.push(detail)
    this.#wake()
  }

  /** The state told last. */
  get latest(): T {
    const latest = this.states.at(-1)
    assert(latest !== undefined, 'nothing was told yet')
    return latest
  }

  /** Resolves when the last state told satisfies `isIt`. */
  async until(isIt: (state: T) => boolean, what = 'the expected state'): Promise<T> {
    await this.#wait(() => this.states.length > 0 && isIt(this.latest), what)
    return this.latest
  }

  /** Resolves when this is what was told of availability last. */
  untilAvailable(available: boolean): Promise<void> {
    return this.#wait(() => this.availability.at(-1) === available, `availability ${available}`)
  }

  #wait(isSo: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = systemClock.after(PATIENCE_MS, () =>
        reject(new Error(`waited in vain for ${what}; told last: ${JSON.stringify(this.states.at(-1))}`)),
      )
      const look = (): void => {
        if (!isSo()) return
        late.cancel()
        this.#waiting.delete(look)
        resolve()
      }
      this.#waiting.add(look)
      look()
    })
  }

  #wake(): void {
    for (const look of [...this.#waiting]) look()
  }
}
