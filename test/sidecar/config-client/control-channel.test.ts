import assert from 'node:assert/strict'
import test from 'ava'
import { createBundle } from '../../../certs/bundle.ts'
import { controlPlaneId } from '../../../certs/spiffe-id.ts'
import { ControlChannel } from '../../../sidecar/config-client/control-channel.ts'
import type { Identity } from '../../../sidecar/mtls/identity.ts'
import { IdentityStore } from '../../../sidecar/mtls/identity-store.ts'
import { linkServerOptions } from '../../../sidecar/mtls/tls-contexts.ts'
import { DAY_MS, makePki, unwrap } from '../../certs/mesh-pki.ts'
import { TurnedClock } from '../../support/turned-clock.ts'
import { identityOf, WEB } from '../mtls/mesh-identity.ts'
import { LinkCallee } from '../upstream/link-callee.ts'
import { ScriptedControlPlane } from './scripted-control-plane.ts'

// OpenSSL looks at the machine's clock, so these certificates are of today
const NOW = Date.now()
const pki = makePki('mesh.example', NOW)
const CONTROL_PLANE = unwrap(controlPlaneId('mesh.example')).text
const web = identityOf(pki, DAY_MS, WEB, NOW)
const plane = identityOf(pki, DAY_MS, CONTROL_PLANE, NOW)

function channelTo(ports: readonly number[], identity?: Identity) {
  const clock = new TurnedClock(NOW)
  const identities = new IdentityStore()
  if (identity !== undefined) identities.replace(identity)
  const addresses = ports.map((port) => ({ host: '127.0.0.1', port }))
  return { clock, channel: new ControlChannel({ clock, identities, bundle: pki.bundle, addresses }) }
}

for (const [what, identity] of [
  ['with a certificate', web],
  ['before the first certificate', undefined],
] as const) {
  test(`the control plane of our trust domain is believed, ${what}`, async () => {
    await using there = await ScriptedControlPlane.listen(plane)
    const session = unwrap(await channelTo([there.port], identity).channel.connect())
    assert.equal(session.alpnProtocol, 'h2')
    session.destroy()
  })
}

test('the roots that we hold count, and not those of the start', async () => {
  const next = makePki('mesh.example', NOW)
  await using there = await ScriptedControlPlane.listen(identityOf(next, DAY_MS, CONTROL_PLANE, NOW))
  const both = unwrap(createBundle('mesh.example', 2, [pki.root, next.root]))
  const session = await channelTo([there.port], { ...web, bundle: both }).channel.connect()
  unwrap(session).destroy()
  await using former = await ScriptedControlPlane.listen(plane)
  const onlyNext = unwrap(createBundle('mesh.example', 3, [next.root]))
  assert(!(await channelTo([former.port], { ...web, bundle: onlyNext }).channel.connect()).ok)
})

const other = makePki('other.example', NOW)
const IMPOSTORS: readonly [string, Identity, RegExp][] = [
  ['another workload of the mesh', identityOf(pki, DAY_MS, WEB, NOW), /not believed.*ns\/shop\/sa\/web/],
  [
    'an account of that name in another namespace',
    identityOf(pki, DAY_MS, 'spiffe://mesh.example/ns/shop/sa/control-plane', NOW),
    /not believed/,
  ],
  ['an account with a longer name', identityOf(pki, DAY_MS, `${CONTROL_PLANE}-2`, NOW), /not believed/],
  [
    'who has the name from another root',
    identityOf(makePki('mesh.example', NOW), DAY_MS, CONTROL_PLANE, NOW),
    /SELF_SIGNED|self-signed|unable to/i,
  ],
]
for (const [what, impostor, says] of IMPOSTORS) {
  test(`the control channel refuses ${what}, and tells it nothing`, async () => {
    let receivedBytes = 0
    await using there = await LinkCallee.tls(
      { ...linkServerOptions(impostor), rejectUnauthorized: false },
      (socket) => void socket.on('data', (chunk: Buffer) => (receivedBytes += chunk.length)),
    )
    const session = await channelTo([there.port]).channel.connect()
    assert(!session.ok)
    assert.match(session.error, says)
    assert.match(session.error, new RegExp(`^control plane 127\\.0\\.0\\.1:${there.port}: `))
    await there.allLeft()
    assert.equal(receivedBytes, 0)
  })
}

test('the control channel refuses the control plane of another trust domain, whose root is believed', async () => {
  const id = unwrap(controlPlaneId('other.example')).text
  const both = unwrap(createBundle('mesh.example', 2, [pki.root, other.root]))
  await using there = await ScriptedControlPlane.listen(identityOf(other, DAY_MS, id, NOW))
  const session = await channelTo([there.port], { ...web, bundle: both }).channel.connect()
  assert(!session.ok)
  assert.match(session.error, /not believed/)
})

test('after a failure the next address is tried, and the same one as long as it works', async () => {
  await using impostor = await ScriptedControlPlane.listen(web)
  await using there = await ScriptedControlPlane.listen(plane)
  const { channel } = channelTo([impostor.port, there.port])
  const outcomes: boolean[] = []
  for (let i = 0; i < 3; i++) {
    const session = await channel.connect()
    outcomes.push(session.ok)
    if (session.ok) session.value.destroy()
  }
  assert.deepEqual(outcomes, [false, true, true])
})

test('a control plane that does not shake hands is given up after five seconds', async () => {
  const hello = Promise.withResolvers<void>()
  await using silent = await LinkCallee.tcp((socket) => socket.once('data', () => hello.resolve()))
  const { channel, clock } = channelTo([silent.port])
  const connecting = channel.connect()
  await hello.promise
  clock.turn(5_000)
  const session = await connecting
  assert(!session.ok)
  assert.match(session.error, /no TLS connection within 5000 ms/)
  await silent.allLeft()
})
