import assert from 'node:assert/strict'
import test from 'ava'
import { toCertificatePem } from '../../../certs/certificate.ts'
import { SnapshotStore } from '../../../sidecar/config/snapshot-store.ts'
import { followTrust } from '../../../sidecar/config-client/follow-trust.ts'
import { IdentityStore } from '../../../sidecar/mtls/identity-store.ts'
import { makePki } from '../../certs/mesh-pki.ts'
import { identityOf } from '../mtls/mesh-identity.ts'

const pki = makePki()
const next = makePki()
const trust = (sequence: number, name = 'mesh.example', roots = [pki.root, next.root]) => ({
  put: { kind: 'Trust' as const, name, sequence, rootsPem: roots.map(toCertificatePem) },
})

function stage() {
  const store = new SnapshotStore()
  const identities = new IdentityStore()
  identities.replace(identityOf(pki))
  const troubles: string[] = []
  return { store, identities, troubles, follow: () => followTrust(store, identities, (why) => troubles.push(why)) }
}

test('published roots are taken at once, and at each change, until nobody follows', () => {
  const { store, identities, troubles, follow } = stage()
  store.apply([trust(2)])
  const following = follow()
  assert.deepEqual([identities.current?.bundle.sequence, identities.current?.bundle.roots.length], [2, 2])
  store.apply([trust(3, 'mesh.example', [next.root])])
  assert.deepEqual([identities.current?.bundle.sequence, identities.current?.bundle.roots.length], [3, 1])
  following[Symbol.dispose]()
  store.apply([trust(4)])
  assert.equal(identities.current?.bundle.sequence, 3)
  assert.deepEqual(troubles, [])
})

const REFUSED: readonly [string, ReturnType<typeof trust>, RegExp][] = [
  ['older than those held', trust(1), /older than 2/],
  ['others under the same number', trust(2, 'mesh.example', [pki.root]), /two bundles of sequence 2 differ/],
  ['of another trust domain', trust(9, 'other.example'), /trust domain "other.example"/],
]
for (const [what, published, says] of REFUSED) {
  test(`roots that are ${what} are refused aloud, and the held ones stay`, () => {
    const { store, identities, troubles, follow } = stage()
    store.apply([trust(2)])
    using _following = follow()
    const held = identities.current
    store.apply([published])
    assert.equal(identities.current, held)
    assert.equal(troubles.length, 1)
    assert.match(troubles[0] ?? '', says)
  })
}

test('roots that were refused are not complained of again with every change of something else', () => {
  const { store, troubles, follow } = stage()
  store.apply([trust(2)])
  using _following = follow()
  store.apply([trust(1)])
  store.apply([{ put: { kind: 'Endpoints', name: 'shop/a', endpoints: [] } }])
  assert.equal(troubles.length, 1)
})
