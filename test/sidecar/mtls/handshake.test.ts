import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type ConnectionOptions, connect, createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls'
import test from 'ava'
import { bundleFromPem } from '../../../certs/bundle.ts'
import { toCertificatePem } from '../../../certs/certificate.ts'
import { toPrivateKeyPem } from '../../../certs/key-pair.ts'
import type { Result } from '../../../certs/result.ts'
import { createIdentity, type Identity } from '../../../sidecar/mtls/identity.ts'
import { IdentityStore } from '../../../sidecar/mtls/identity-store.ts'
import {
  controlChannelOptions,
  followIdentity,
  linkClientOptions,
  linkServerOptions,
} from '../../../sidecar/mtls/tls-contexts.ts'
import { type Peer, type PeerRefusal, verifyPeer } from '../../../sidecar/mtls/verify-peer.ts'
import { idOf, makePki, type Pki, unwrap } from '../../certs/mesh-pki.ts'

// OpenSSL looks at the machine's clock, so these certificates are of today
const NOW = Date.now()
const pki = makePki('mesh.example', NOW)
const WEB = 'spiffe://mesh.example/ns/shop/sa/web'
const ORDERS = 'spiffe://mesh.example/ns/shop/sa/orders'

function identityOf(from: Pki, id: string): Identity {
  const { keyPair, certificate } = from.leaf(id)
  const chainPem = [toCertificatePem(certificate), toCertificatePem(from.issuing.certificate)]
  return unwrap(createIdentity({ keyPair, chainPem, bundle: from.bundle }, idOf(id), NOW))
}

const web = identityOf(pki, WEB)
const orders = identityOf(pki, ORDERS)

async function listening(
  options: TlsOptions,
): Promise<{ server: Server; port: number; [Symbol.asyncDispose](): Promise<void> }> {
  const server = createServer(options)
  const sockets = new Set<TLSSocket>()
  server.on('secureConnection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    server,
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

type Ends = { client: TLSSocket; atServer: TLSSocket }

/** Both ends after the handshake, or the error that the server saw. */
async function shake(listener: { server: Server; port: number }, options: ConnectionOptions): Promise<Ends | Error> {
  const client = connect({ host: '127.0.0.1', port: listener.port, ...options })
  client.on('error', () => {})
  return new Promise((resolve) => {
    listener.server.once('tlsClientError', (error) => {
      client.destroy()
      resolve(error)
    })
    listener.server.once('secureConnection', (atServer) => {
      listener.server.removeAllListeners('tlsClientError')
      if (client.getProtocol() !== null && client.authorized) resolve({ client, atServer })
      else client.once('secureConnect', () => resolve({ client, atServer }))
    })
  })
}

const judge = (socket: TLSSocket, identities?: readonly string[]): Result<Peer, PeerRefusal> =>
  verifyPeer(socket, { bundle: pki.bundle, wallMs: NOW, ...(identities === undefined ? {} : { identities }) })

test('two sidecars prove their identities to each other over TLS 1.3', async () => {
  await using listener = await listening(linkServerOptions(orders))
  const ends = await shake(listener, linkClientOptions(web))
  assert(!(ends instanceof Error))
  assert.equal(ends.client.getProtocol(), 'TLSv1.3')
  assert.equal(ends.client.alpnProtocol, 'h2')
  assert.deepEqual(judge(ends.atServer), { ok: true, value: { identity: WEB, notAfterMs: web.notAfterMs } })
  assert.deepEqual(judge(ends.client, [ORDERS]), {
    ok: true,
    value: { identity: ORDERS, notAfterMs: orders.notAfterMs },
  })
  ends.client.destroy()
})

test('verifyPeer refuses a peer of the mesh that is not the one expected, and everyone when nobody is', async () => {
  await using listener = await listening(linkServerOptions(orders))
  const ends = await shake(listener, linkClientOptions(web))
  assert(!(ends instanceof Error))
  // compared as whole text: nobody is meant by the beginning of a name, its end, or another case
  for (const identities of [
    [WEB],
    [],
    [ORDERS.slice(0, -1)],
    [`${ORDERS}2`],
    [ORDERS.slice(9)],
    [ORDERS.toUpperCase()],
  ]) {
    const verdict = judge(ends.client, identities)
    assert(!verdict.ok)
    assert.equal(verdict.error.reason, 'unexpected-identity')
  }
  ends.client.destroy()
})

test('verifyPeer uses the roots of now, not those of the handshake', async () => {
  await using listener = await listening(linkServerOptions(orders))
  const ends = await shake(listener, linkClientOptions(web))
  assert(!(ends instanceof Error))
  const none = verifyPeer(ends.atServer, { bundle: unwrap(bundleFromPem('mesh.example', 2, [])), wallMs: NOW })
  assert(!none.ok)
  assert.equal(none.error.reason, 'empty-bundle')
  const other = verifyPeer(ends.atServer, { bundle: makePki('mesh.example', NOW).bundle, wallMs: NOW })
  assert(!other.ok)
  assert.equal(other.error.reason, 'unknown-issuer')
  ends.client.destroy()
})

const stranger = identityOf(makePki('mesh.example', NOW), WEB)
const plain = { rejectUnauthorized: false, ALPNProtocols: ['h2'] }
const REFUSED: readonly [string, ConnectionOptions][] = [
  ['shows no certificate', plain],
  ['shows a certificate of another root', linkClientOptions(stranger)],
  [
    'speaks TLS 1.2',
    {
      ...plain,
      maxVersion: 'TLSv1.2',
      minVersion: 'TLSv1.2',
      key: toPrivateKeyPem(web.keyPair),
      cert: web.chain.map(toCertificatePem).join(''),
    },
  ],
  [
    'asks for another protocol by ALPN',
    {
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      key: toPrivateKeyPem(web.keyPair),
      cert: web.chain.map(toCertificatePem).join(''),
    },
  ],
]
for (const [what, options] of REFUSED) {
  test(`the mesh link's listener refuses a client that ${what}`, async () => {
    await using listener = await listening(linkServerOptions(orders))
    assert((await shake(listener, options)) instanceof Error)
  })
}

test('a mesh link refuses a server of another root', async () => {
  await using listener = await listening({ ...linkServerOptions(stranger), requestCert: false })
  const client = connect({ host: '127.0.0.1', port: listener.port, ...linkClientOptions(web) })
  const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException]
  assert.match(String(error.code), /SELF_SIGNED|UNABLE_TO/)
})

test('a mesh link refuses a server that speaks TLS 1.2 only', async () => {
  await using listener = await listening({
    ...linkServerOptions(orders),
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
  })
  const client = connect({ host: '127.0.0.1', port: listener.port, ...linkClientOptions(web) })
  const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException]
  assert.match(String(error.code), /VERSION|ECONNRESET/)
})

test('verifyPeer refuses a peer that named no protocol', async () => {
  await using listener = await listening(linkServerOptions(orders))
  const { ALPNProtocols: _, ...options } = linkClientOptions(web)
  const ends = await shake(listener, options)
  assert(!(ends instanceof Error))
  const verdict = judge(ends.atServer)
  assert(!verdict.ok)
  assert.equal(verdict.error.reason, 'wrong-protocol')
  ends.client.destroy()
})

test('a session can not be resumed on the mesh link', async () => {
  await using listener = await listening(linkServerOptions(orders))
  listener.server.on('secureConnection', (socket) => socket.write('x'))
  const client = connect({ host: '127.0.0.1', port: listener.port, ...linkClientOptions(web) })
  const sessions: Buffer[] = []
  client.on('session', (session) => sessions.push(session))
  client.resume()
  await once(client, 'data')
  client.destroy()
  const session = sessions[0] ?? client.getSession()
  assert(session !== undefined)
  const again = await shake(listener, { ...linkClientOptions(web), session })
  assert(!(again instanceof Error))
  assert.equal(again.client.isSessionReused(), false)
  assert.equal(again.atServer.isSessionReused(), false)
  assert(judge(again.atServer).ok)
  again.client.destroy()
})

test('verifyPeer refuses a session that was resumed against a server with tickets', async () => {
  await using listener = await listening({ ...linkServerOptions(orders), secureOptions: 0 })
  listener.server.on('secureConnection', (socket) => socket.write('x'))
  const client = connect({
    host: '127.0.0.1',
    port: listener.port,
    ...linkClientOptions(web),
    secureContext: undefined,
    ca: [toCertificatePem(pki.root)],
    key: toPrivateKeyPem(web.keyPair),
    cert: web.chain.map(toCertificatePem).join(''),
  } as ConnectionOptions)
  const [session] = (await once(client, 'session')) as [Buffer]
  client.destroy()
  const again = await shake(listener, { ...linkClientOptions(web), session })
  assert(!(again instanceof Error))
  assert.equal(again.atServer.isSessionReused(), true)
  const verdict = judge(again.atServer)
  assert(!verdict.ok)
  assert.equal(verdict.error.reason, 'resumed-session')
  again.client.destroy()
})

test('a listener that follows the store uses a new identity for the next handshake and keeps open connections', async () => {
  const store = new IdentityStore()
  store.replace(orders)
  await using listener = await listening(linkServerOptions(orders))
  using _following = followIdentity(listener.server, store)
  const before = await shake(listener, linkClientOptions(web))
  assert(!(before instanceof Error))
  const renewed = identityOf(pki, ORDERS)
  store.replace(renewed)
  const after = await shake(listener, linkClientOptions(web))
  assert(!(after instanceof Error))
  assert.deepEqual(after.client.getPeerX509Certificate()?.raw, renewed.chain[0]?.der)
  before.atServer.write('still here')
  const [chunk] = (await once(before.client, 'data')) as [Buffer]
  assert.equal(chunk.toString(), 'still here')
  // what setSecureContext sets must not loosen what createServer set
  assert((await shake(listener, plain)) instanceof Error)
  before.client.destroy()
  after.client.destroy()
})

test('the control channel is opened without a certificate at first, and believes the given roots only', async () => {
  await using listener = await listening({ ...linkServerOptions(orders), rejectUnauthorized: false })
  const ends = await shake(listener, controlChannelOptions(undefined, pki.bundle))
  assert(!(ends instanceof Error))
  assert(judge(ends.client, [ORDERS]).ok)
  const anonymous = judge(ends.atServer)
  assert(!anonymous.ok)
  assert.equal(anonymous.error.reason, 'empty-chain')
  ends.client.destroy()
  const empty = unwrap(bundleFromPem('mesh.example', 1, []))
  const refused = connect({ host: '127.0.0.1', port: listener.port, ...controlChannelOptions(undefined, empty) })
  await once(refused, 'error')
})

test('a peer that speaks another protocol than h2, or names none, is refused', () => {
  for (const alpnProtocol of ['http/1.1', 'h2c', '', false, null]) {
    const socket = { isSessionReused: () => false, alpnProtocol } as unknown as TLSSocket
    const judged = judge(socket)
    assert(!judged.ok)
    assert.equal(judged.error.reason, 'wrong-protocol')
  }
})
