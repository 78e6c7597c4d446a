import { err } from '../../../certs/result.ts'
import { controlPlaneId } from '../../../certs/spiffe-id.ts'
import type { Resource } from '../../../sidecar/config/resources.ts'
import { SnapshotStore } from '../../../sidecar/config/snapshot-store.ts'
import { ControlChannel } from '../../../sidecar/config-client/control-channel.ts'
import { WatchClient, type WatchStatus } from '../../../sidecar/config-client/watch-client.ts'
import { seededRandom } from '../../../sidecar/core/random.ts'
import { IdentityStore } from '../../../sidecar/mtls/identity-store.ts'
import { DAY_MS, makePki, unwrap } from '../../certs/mesh-pki.ts'
import { TurnedClock } from '../../support/turned-clock.ts'
import { identityOf, WEB } from '../mtls/mesh-identity.ts'
import { ScriptedControlPlane } from './scripted-control-plane.ts'

// OpenSSL looks at the machine's clock, so these certificates are of today
export const NOW = Date.now()
export const pki = makePki('mesh.example', NOW)
const plane = identityOf(pki, DAY_MS, unwrap(controlPlaneId('mesh.example')).text, NOW)
export const web = identityOf(pki, DAY_MS, WEB, NOW)

export const put = (resource: Resource, version = 'v1') => ({
  type: 'put',
  kind: resource.kind,
  name: resource.name,
  version,
  resource,
})
export const SYNCED = { type: 'synced' }

/** A channel that fails as often as a test says. */
class FailingChannel extends ControlChannel {
  failureCount = 0
  connectCount = 0
  override async connect(): ReturnType<ControlChannel['connect']> {
    this.connectCount++
    return this.failureCount-- > 0 ? err('the way is blocked') : super.connect()
  }
}

/** A sidecar's subscription to a control plane of the test. Its clock stands still until the test turns it. */
export async function stage(store = new SnapshotStore()) {
  const there = await ScriptedControlPlane.listen(plane)
  const clock = new TurnedClock(NOW)
  const identities = new IdentityStore()
  const statuses: WatchStatus[] = []
  const troubles = new Map<string, () => void>()
  const addresses = [{ host: '127.0.0.1', port: there.port }]
  const channel = new FailingChannel({ clock, identities, bundle: pki.bundle, addresses })
  const client = new WatchClient({
    channel,
    identities,
    store,
    clock,
    random: seededRandom(3),
    trustDomain: 'mesh.example',
    workload: 'shop/web',
    version: 'test',
    serves: [],
    onStatus: (status) => {
      statuses.push(status)
      troubles.get(status.connected ? 'connected' : 'lost')?.()
    },
  })
  return {
    there,
    clock,
    channel,
    identities,
    store,
    statuses,
    client,
    /** Resolves when the status changes to this. */
    becomes: (what: 'connected' | 'lost'): Promise<void> =>
      new Promise((resolve) => {
        troubles.set(what, resolve)
      }),
    async [Symbol.asyncDispose](): Promise<void> {
      await client.close()
      await there[Symbol.asyncDispose]()
    },
  }
}
