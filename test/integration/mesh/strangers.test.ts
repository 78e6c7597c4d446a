import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { constants, connect as http2Connect } from 'node:http2'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createServer, type TLSSocket, connect as tlsConnect } from 'node:tls'
import test from 'ava'
import { toCertificatePem } from '../../../certs/certificate.ts'
import { toPrivateKeyPem } from '../../../certs/key-pair.ts'
import { makePki } from '../../certs/mesh-pki.ts'
import { keptIdentity } from '../../support/kept-identity.ts'
import { startTestMesh, type TestMesh } from '../../support/mesh.ts'

/** Runs `openssl s_client` against a port, sends a request when connected, and gives all that it printed. */
function sClient(port: number, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-alpn', 'h2', ...args])
    let printed = ''
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString('latin1')
    })
    child.stderr.on('data', (chunk: Buffer) => {
      printed += chunk.toString('latin1')
    })
    child.on('error', reject)
    child.on('close', (code) => resolve(`${printed}\nexit code ${code}`))
    child.stdin.on('error', () => undefined)
    child.stdin.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  })
}

/** What an own TLS client hears when it has shown `credentials`: the code it was refused with, or 'served'. */
function handshake(port: number, credentials: { readonly key?: string; readonly cert?: string }): Promise<string> {
  return new Promise((resolve) => {
    const socket: TLSSocket = tlsConnect({
      host: '127.0.0.1',
      port,
      ALPNProtocols: ['h2'],
      rejectUnauthorized: false,
      ...credentials,
    })
    // In TLS 1.3 the client is done before the server has looked at its certificate: only an octet of HTTP/2 proves service.
    socket.on('data', () => resolve('served'))
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    socket.on('close', () => resolve('closed'))
    socket.on('secureConnect', () => socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0', 'latin1'))
  })
}

const meshPort = (mesh: TestMesh): number => mesh.workload('orders').sidecar.ports.inbound ?? 0

test('only a certificate of the mesh opens its port: none, and that of another authority, are refused', async () => {
  await using mesh = await startTestMesh({ services: { orders: {} }, callers: ['web'] })
  const port = meshPort(mesh)
  assert.equal(await handshake(port, await keptIdentity(mesh, 'web')), 'served')
  assert.match(await handshake(port, {}), /CERTIFICATE_REQUIRED/)

  const authority = makePki('mesh.test', Date.now())
  const foreign = authority.leaf('spiffe://mesh.test/ns/shop/sa/web')
  const cert = [foreign.certificate, authority.issuing.certificate].map(toCertificatePem).join('')
  assert.match(await handshake(port, { key: toPrivateKeyPem(foreign.keyPair), cert }), /^(closed|ECONNRESET)$|ALERT/)
  const refused = [...(await mesh.workload('orders').metrics())].filter(([name]) => name.includes('handshake_failures'))
  assert.equal(
    refused.reduce((sum, [, count]) => sum + count, 0),
    2,
    'both are counted',
  )
})

test('a peer of the mesh that pings faster than anybody may is cut off, and counted', async () => {
  await using mesh = await startTestMesh({ services: { orders: {} }, callers: ['web'] })
  const session = http2Connect(`https://127.0.0.1:${meshPort(mesh)}`, {
    ...(await keptIdentity(mesh, 'web')),
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
    ALPNProtocols: ['h2'],
    maxOutstandingPings: 1_000,
  })
  session.on('error', () => undefined)
  const goAway = new Promise<number>((resolve) => session.once('goaway', resolve))
  const closed = new Promise((resolve) => session.once('close', resolve))
  await once(session, 'connect')
  for (let count = 0; count < 900; count++) session.ping(() => undefined)
  assert.equal(await goAway, constants.NGHTTP2_ENHANCE_YOUR_CALM)
  await closed
  const metrics = await mesh.workload('orders').metrics()
  assert.equal(metrics.get('outrigger_http2_defences_total{limit="ping-flood"}'), 1)
  assert.equal((await mesh.call('web', 'orders', '/')).status, 200, 'the others are served on')
})

test('openssl s_client is refused without a certificate, and with TLS 1.2 even with one', async () => {
  await using mesh = await startTestMesh({ services: { orders: {} }, callers: ['web'] })
  const port = meshPort(mesh)
  const { key, cert } = await keptIdentity(mesh, 'web')
  const [keyFile, certFile] = [join(mesh.directory, 'key.pem'), join(mesh.directory, 'cert.pem')]
  await writeFile(keyFile, key, { mode: 0o600 })
  await writeFile(certFile, cert)
  assert.match(await sClient(port, []), /alert certificate required/i)
  const old = await sClient(port, ['-tls1_2', '-cert', certFile, '-cert_chain', certFile, '-key', keyFile])
  assert.match(old, /alert protocol version/i)
})

test('plain HTTP to the mesh port gets no answer', async () => {
  await using mesh = await startTestMesh({ services: { orders: {} } })
  const heard = await new Promise<Buffer>((resolve) => {
    const chunks: Buffer[] = []
    const socket = connect(meshPort(mesh), '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nhost: orders\r\n\r\n'))
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(Buffer.concat(chunks)))
  })
  assert.equal(heard.indexOf('HTTP/1.1'), -1)
  assert(heard.length <= 7, `a TLS alert at most, but ${heard.length} bytes came`)
})

test('a peer with a valid certificate of the mesh but the wrong identity is refused by the caller', async () => {
  await using mesh = await startTestMesh({ services: { orders: {} }, callers: ['web', 'thief'] })
  assert.equal((await mesh.call('web', 'orders', '/')).status, 200)
  const { relay } = mesh.workload('orders')
  const port = relay?.port ?? 0
  const identity = await keptIdentity(mesh, 'thief')
  await relay?.[Symbol.asyncDispose]()
  let served = 0
  const thief = createServer({ ...identity, ALPNProtocols: ['h2'], minVersion: 'TLSv1.3' }, (socket) => {
    socket.on('error', () => undefined)
    socket.on('data', () => {
      served++
    })
  })
  thief.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => thief.listen(port, '127.0.0.2', resolve))
  try {
    const { status, headers, text } = await mesh.call('web', 'orders', '/')
    assert.equal(status, 503)
    assert.equal(headers['x-outrigger-error'], 'connect-failure')
    assert.match(text, /spiffe:\/\/mesh\.test\/ns\/shop\/sa\/thief/, 'the answer says who was there')
    assert.equal(served, 0, 'not an octet of a request was sent to it')
  } finally {
    thief.close()
  }
})
