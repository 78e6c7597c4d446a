import type { Identity } from './identity.ts'
import { saveIdentity } from './identity-file.ts'
import type { IdentityStore } from './identity-store.ts'

/**
 * Keeps every identity that the store gets in `directory`, one write at a time, the newest last. `onProblem` hears why a
 * write failed (a full disk, say); the sidecar serves on with what is in memory. `idle` resolves when nothing is being
 * written; dispose to stop.
 */
export function keepIdentity(
  store: IdentityStore,
  directory: string,
  onProblem: (sentence: string) => void,
): Disposable & { idle(): Promise<void> } {
  let waiting: Identity | undefined
  let writing: Promise<void> | undefined
  const write = async (): Promise<void> => {
    while (waiting !== undefined) {
      const identity = waiting
      waiting = undefined
      const saved = await saveIdentity(directory, identity)
      if (!saved.ok) onProblem(saved.error)
    }
    writing = undefined
  }
  const subscription = store.subscribe((identity) => {
    waiting = identity
    writing ??= write()
  })
  return {
    idle: async () => writing,
    [Symbol.dispose]: () => subscription[Symbol.dispose](),
  }
}
