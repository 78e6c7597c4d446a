import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import type { TlsOptions } from 'node:tls'
import test from 'ava'
import { createBundle } from '../../../certs/bundle.ts'
import type { Endpoint } from '../../../sidecar/config/resources.ts'
import { Logger } from '../../../sidecar/core/logger.ts'
import { TimerWheel } from '../../../sidecar/core/timer-wheel.ts'
import { NO_FIELDS } from '../../../sidecar/http/head.ts'
import { http2Counters } from '../../../sidecar/http2/stream/http2-counters.ts'
import type { Identity } from '../../../sidecar/mtls/identity.ts'
import { IdentityStore } from '../../../sidecar/mtls/identity-store.ts'
import { linkServerOptions } from '../../../sidecar/mtls/tls-contexts.ts'
import { createLinkDialer } from '../../../sidecar/upstream/dial-link.ts'
import { DAY_MS, makePki, unwrap } from '../../certs/mesh-pki.ts'
import { SeenResponse } from '../../support/http2-frames.ts'
import { requestHead } from '../../support/recording-streams.ts'
import { endpoint } from '../../support/resources.ts'
import { TurnedClock } from '../../support/turned-clock.ts'
import { identityOf, WEB } from '../mtls/mesh-identity.ts'
import { HeardDial } from './heard-dial.ts'
import { closedPort, LinkCallee } from './link-callee.ts'

// OpenSSL looks at the machine's clock, so these certificates are of today
const NOW = Date.now()
const ORDERS = 'spiffe://mesh.example/ns/shop/sa/orders'
const pki = makePki('mesh.example', NOW)
const web = identityOf(pki, DAY_MS, WEB, NOW)
const orders = identityOf(pki, DAY_MS, ORDERS, NOW)

const at = (port: number, change: Partial<Endpoint> = {}): Endpoint =>
  endpoint('orders-1', { transport: 'mesh', port, identity: ORDERS, ...change })

/** A dialer with a certificate, or without one yet. Its clock stands still until a test turns it. */
function dialer(identity: Identity | undefined) {
  const clock = new TurnedClock(NOW)
  const identities = new IdentityStore()
  if (identity !== undefined) identities.replace(identity)
  const lines: string[] = []
  const log = Logger.to((line) => lines.push(line), clock)
  const wheel = new TimerWheel(clock)
  const dial = createLinkDialer({ identities, clock, wheel, log, counters: http2Counters() })
  const to = (where: Endpoint, timeoutMs = 1_000): HeardDial => new HeardDial(dial, where, timeoutMs)
  return { clock, identities, lines, wheel, to }
}

/** The response to a request on the link, when it is over. */
async function exchange(heard: HeardDial, path = '/'): Promise<SeenResponse> {
  const response = new SeenResponse()
  await new Promise<void>((resolve) => {
    response.onResponseHead = (head, end) => {
      SeenResponse.prototype.onResponseHead.call(response, head, end)
      if (end) resolve()
    }
    response.onResponseEnd = () => resolve()
    response.onResponseError = (error) => {
      response.errors.push(error)
      resolve()
    }
    const stream = heard.link?.request(requestHead({ path }), true, response, NO_FIELDS)
    assert(stream !== undefined, 'the link takes the request')
  })
  return response
}

test('a dial makes a link over mutual TLS that carries requests and says when a stream has ended', async () => {
  await using callee = await LinkCallee.http2(linkServerOptions(orders))
  const heard = dialer(web).to(at(callee.port))
  await heard.decided
  const response = await exchange(heard)
  assert.equal(response.head?.status, 200)
  assert.deepEqual(heard.lifeEvents, ['link'])
  assert.equal(heard.events.at(-1), 'capacity')
  assert.deepEqual([heard.link?.openStreamCount, heard.link?.isClosed], [0, false])
  heard.link?.destroy()
  assert.deepEqual(heard.lifeEvents, ['link', 'gone'])
})

test('a link that the callee breaks off fails its streams and is gone, once', async () => {
  await using callee = await LinkCallee.http2(linkServerOptions(orders))
  const { to, wheel } = dialer(web)
  const heard = to(at(callee.port))
  await heard.decided
  const hanging = exchange(heard, '/hang')
  await exchange(heard)
  for (const socket of callee.accepted) socket.resetAndDestroy()
  await heard.gone
  assert.deepEqual(
    (await hanging).errors.map(({ code }) => code),
    ['reset'],
  )
  assert.deepEqual(heard.lifeEvents, ['link', 'gone'])
  assert.equal(wheel.size, 0)
})

test('each dial shows the certificate of its moment', async () => {
  const seen: (Buffer | undefined)[] = []
  await using callee = await LinkCallee.tls(linkServerOptions(orders), (socket) => {
    seen.push(socket.getPeerX509Certificate()?.raw)
    socket.destroy()
  })
  const { to, identities } = dialer(web)
  const first = to(at(callee.port))
  const renewed = identityOf(pki, DAY_MS, WEB, NOW)
  identities.replace(renewed)
  await first.gone
  await to(at(callee.port)).gone
  assert.deepEqual(seen, [web.chain[0]?.der, renewed.chain[0]?.der])
})

test('a dial before the first certificate fails, and not inside the call', async () => {
  const heard = dialer(undefined).to(at(await closedPort()))
  assert.deepEqual(heard.events, [])
  await heard.decided
  assert.equal(heard.error?.code, 'connect-failure')
  assert.match(heard.error?.detail ?? '', /we have no certificate yet/)
})

const stranger = identityOf(makePki('mesh.example', NOW), DAY_MS, ORDERS, NOW)
const YESTERDAY = NOW - 2 * DAY_MS
const old = makePki('mesh.example', YESTERDAY)

interface Impostor {
  readonly about: string
  readonly options: TlsOptions
  readonly wanted?: Partial<Endpoint>
  readonly says: RegExp
  readonly we?: Identity
}

const IMPOSTORS: readonly Impostor[] = [
  {
    about: 'proves another identity of the mesh',
    options: linkServerOptions(web),
    says: /spiffe:\/\/mesh\.example\/ns\/shop\/sa\/web/,
  },
  {
    about: 'is good, where no identity is known that the endpoint may have',
    options: linkServerOptions(orders),
    wanted: { identity: undefined } as unknown as Partial<Endpoint>,
    says: /spiffe:\/\/mesh\.example\/ns\/shop\/sa\/orders/,
  },
  {
    about: 'has the name but another root',
    options: linkServerOptions(stranger),
    says: /SELF_SIGNED|UNABLE_TO/,
  },
  {
    about: 'shows a certificate that is over',
    options: linkServerOptions(identityOf(old, DAY_MS, ORDERS, YESTERDAY)),
    we: identityOf(old, 9 * DAY_MS, WEB, NOW),
    says: /CERT_HAS_EXPIRED/,
  },
  {
    about: 'speaks TLS 1.2',
    options: { ...linkServerOptions(orders), minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' },
    says: /VERSION|ECONNRESET/,
  },
  {
    about: 'speaks another protocol',
    options: { ...linkServerOptions(orders), ALPNProtocols: ['http/1.1'] },
    says: /ALPN|NO_APPLICATION_PROTOCOL|ECONNRESET/,
  },
  {
    about: 'names no protocol',
    options: { ...linkServerOptions(orders), ALPNProtocols: [] },
    says: /the peer speaks false by ALPN; a mesh link speaks "h2"/,
  },
]

for (const { about, options, wanted, says, we } of IMPOSTORS) {
  test(`a callee that ${about} is refused, and gets no octet of a request`, async () => {
    let received = 0
    await using callee = await LinkCallee.tls(options, (socket) => {
      socket.on('data', (chunk: Buffer) => {
        received += chunk.length
      })
    })
    const { to, lines } = dialer(we ?? web)
    const heard = to(at(callee.port, wanted))
    await heard.decided
    assert.deepEqual(heard.events, ['failed'])
    assert.equal(heard.error?.code, 'connect-failure')
    assert.match(heard.error?.detail ?? '', says)
    assert.match(heard.error?.detail ?? '', new RegExp(`^orders-1 at 127\\.0\\.0\\.1:${callee.port}: `))
    await callee.allLeft()
    assert.equal(received, 0)
    assert.deepEqual(heard.events, ['failed'])
    const refusals = lines.filter((line) => line.includes('endpoint refused'))
    assert.equal(refusals.length, /spiffe|speaks false/.test(says.source) ? 1 : 0, 'who was let in by TLS is logged')
  })
}

test('a callee that refuses our certificate fails what was sent: it says so after its own part of the handshake', async () => {
  const foreign = makePki('mesh.example', NOW)
  const both = unwrap(createBundle('mesh.example', 1, [foreign.root, pki.root]))
  await using callee = await LinkCallee.http2(linkServerOptions(orders))
  const heard = dialer({ ...identityOf(foreign, DAY_MS, WEB, NOW), bundle: both }).to(at(callee.port))
  await heard.decided
  assert.deepEqual(heard.events, ['link'])
  const { errors } = await exchange(heard)
  assert.deepEqual(
    errors.map(({ code }) => code),
    ['reset'],
  )
  assert.deepEqual(heard.lifeEvents, ['link', 'gone'])
})

test('nobody listens: the dial fails with the reason', async () => {
  const heard = dialer(web).to(at(await closedPort()))
  await heard.decided
  assert.deepEqual(heard.events, ['failed'])
  assert.match(heard.error?.detail ?? '', /ECONNREFUSED/)
})

const RUDE: readonly (readonly [string, (socket: Socket) => void])[] = [
  ['closes at once', (socket) => socket.end()],
  ['resets at once', (socket) => socket.resetAndDestroy()],
  ['closes after our first words', (socket) => socket.once('data', () => socket.end())],
  ['resets after our first words', (socket) => socket.once('data', () => socket.resetAndDestroy())],
  ['answers in plain text', (socket) => socket.once('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'))],
  [
    'answers in half a record and closes',
    (socket) => socket.once('data', () => socket.end('\x16\x03\x03\x00\x7a\x02')),
  ],
]

for (const [about, onSocket] of RUDE) {
  test(`a callee that ${about} fails the dial, once, and no socket is left`, async () => {
    await using callee = await LinkCallee.tcp(onSocket)
    const { clock, to } = dialer(web)
    const heard = to(at(callee.port))
    await heard.decided
    assert.deepEqual(heard.events, ['failed'])
    assert.equal(heard.error?.code, 'connect-failure')
    assert.match(heard.error?.detail ?? '', /^orders-1 at 127\.0\.0\.1:\d+: \S+/)
    clock.turn(60_000)
    await callee.allLeft()
    assert.deepEqual(heard.events, ['failed'])
  })
}

for (const [timeoutMs, waitedMs] of [
  [250, 250],
  [0, 10_000],
] as const) {
  test(`a callee that says nothing fails the dial after ${waitedMs} ms, where the timeout is ${timeoutMs}`, async () => {
    const hello = Promise.withResolvers<void>()
    await using callee = await LinkCallee.tcp((socket) => socket.once('data', () => hello.resolve()))
    const { clock, to } = dialer(web)
    const heard = to(at(callee.port), timeoutMs)
    await hello.promise
    clock.turn(waitedMs - 1)
    assert.deepEqual(heard.events, [])
    clock.turn(1)
    assert.deepEqual(heard.events, ['failed'])
    assert.match(heard.error?.detail ?? '', /no connection within \d+ ms/)
    await callee.allLeft()
    assert.deepEqual(heard.events, ['failed'])
  })
}

test('the timeout of a dial does not end its link', async () => {
  await using callee = await LinkCallee.http2(linkServerOptions(orders))
  const { clock, to } = dialer(web)
  const heard = to(at(callee.port))
  await heard.decided
  clock.turn(1_000)
  assert.equal((await exchange(heard)).head?.status, 200)
  heard.link?.destroy()
})

// It waits for 10 s then, and says that it was none.
test('a dial without a timeout says how long it has waited', async () => {
  const hello = Promise.withResolvers<void>()
  await using callee = await LinkCallee.tcp((socket) => socket.once('data', () => hello.resolve()))
  const { clock, to } = dialer(web)
  const heard = to(at(callee.port), 0)
  await hello.promise
  clock.turn(10_000)
  assert.match(heard.error?.detail ?? '', /no connection within 10000 ms/)
})
