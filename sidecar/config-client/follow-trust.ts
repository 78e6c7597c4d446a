import { bundleFromPem } from '../../certs/bundle.ts'
import type { SnapshotStore } from '../config/snapshot-store.ts'
import type { IdentityStore } from '../mtls/identity-store.ts'

/** Hands the roots that the control plane publishes to the identity store, now and at each change, until disposed. Refused roots are reported; the old ones stay. */
export function followTrust(
  store: SnapshotStore,
  identities: IdentityStore,
  onTrouble: (reason: string) => void,
): Disposable {
  const offer = (): void => {
    const { trust } = store.current
    if (trust === undefined) return
    const bundle = bundleFromPem(trust.name, trust.sequence, trust.rootsPem)
    const taken = bundle.ok ? identities.replaceRoots(bundle.value) : bundle
    if (!taken.ok) onTrouble(taken.error)
  }
  offer()
  const unsubscribe = store.subscribe((next, previous) => {
    if (next.trust !== previous.trust) offer()
  })
  return { [Symbol.dispose]: unsubscribe }
}
