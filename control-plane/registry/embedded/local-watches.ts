import type { Result } from '../../../certs/result.ts'
import type { RegistryError, Watch, WatchListener } from '../registry.ts'
import { ToldState } from '../told-state.ts'

/** Runs a read of the file and turns what it throws into an error. */
type Reader = <T>(work: () => T) => Result<T, RegistryError>

/**
 * The watches of one process on the embedded registry. They look again when something changed here and at each tick of
 * the registry (another process may have written, an instance may have fallen silent), and tell only what is new.
 * Listeners are called from a microtask, never from inside the call that made the change.
 */
export class LocalWatches {
  readonly #read: Reader
  readonly #looks = new Set<() => void>()
  #isDue = false

  constructor(read: Reader) {
    this.#read = read
  }

  /** Starts a watch of what `compute` answers. */
  add<T>(compute: () => T, same: (a: T, b: T) => boolean, listener: WatchListener<T>): Watch {
    const told = new ToldState(listener, same)
    const look = (): void => {
      const state = this.#read(compute)
      told.availability(state.ok, state.ok ? 'the registry file can be read again' : state.error.detail)
      if (state.ok) told.state(state.value)
    }
    this.#looks.add(look)
    this.refresh()
    return {
      stop: () => {
        told.stop()
        this.#looks.delete(look)
      },
    }
  }

  /** Lets all watches look soon. Changes of one turn are seen together. */
  refresh(): void {
    if (this.#isDue || this.#looks.size === 0) return
    this.#isDue = true
    queueMicrotask(() => {
      this.#isDue = false
      for (const look of this.#looks) look()
    })
  }

  /** No listener is called any more. */
  stop(): void {
    this.#looks.clear()
  }
}
