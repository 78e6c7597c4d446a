import assert from 'node:assert/strict'
import type { Resource } from '../../sidecar/config/resources.ts'
import type { Snapshot } from '../../sidecar/config/snapshot.ts'
import { SnapshotStore } from '../../sidecar/config/snapshot-store.ts'
import { seededRandom } from '../../sidecar/core/random.ts'
import type { LoadView, RequestFacts, World } from '../../sidecar/decide/decision.ts'

/** A load view of an idle sidecar; a test names what differs. */
export const load = (change: Partial<LoadView> = {}): LoadView => ({
  cost: () => 1,
  inFlight: () => 0,
  isEjected: () => false,
  hasEjections: () => change.isEjected !== undefined,
  serviceInFlight: () => 0,
  mayRetry: () => true,
  turn: () => 0,
  ...change,
})

/** A snapshot of resources that must all be valid. */
export function snapshot(...resources: Resource[]): Snapshot {
  const store = new SnapshotStore()
  assert.deepEqual(store.apply(resources.map((put) => ({ put }))), [])
  return store.current
}

/** A world of resources, with repeatable chance. */
export const world = (resources: Resource[], change: Partial<World> = {}): World => ({
  snapshot: snapshot(...resources),
  load: load(),
  nowMs: 0,
  random: seededRandom(1),
  ...change,
})

/** GET /items from our application to host `orders`. */
export const facts = (change: Partial<RequestFacts> = {}): RequestFacts => ({
  direction: 'outbound',
  service: undefined,
  port: undefined,
  method: 'GET',
  authority: 'orders',
  path: '/items',
  fields: [],
  caller: 'spiffe://mesh.local/ns/shop/sa/web',
  callerAddress: '10.0.0.1',
  wire: 'http/1.1',
  priorAttempts: 0,
  ...change,
})
