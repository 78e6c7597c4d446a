import assert from 'node:assert/strict'
import { type ClientHttp2Session, connect } from 'node:http2'
import { connect as connectTls } from 'node:tls'
import test from 'ava'
import type { ControlPlane } from '../../../control-plane/control-plane.ts'
import { call, controlPlane, eventually, joinToken, registration, TestSidecar, temporaryFolder } from './fixture.ts'

interface Exchange {
  readonly status: number
  readonly body: string
  readonly reason: string | undefined
}

/** One exchange on a session, with `body` sent whole; resolves at its end. */
function exchange(session: ClientHttp2Session, path: string, body: string, token?: string): Promise<Exchange> {
  return new Promise((resolve) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    })
    let text = ''
    let status = 0
    let reason: string | undefined
    stream.on('response', (headers) => {
      status = Number(headers[':status'])
    })
    stream.on('trailers', (headers) => {
      reason = String(headers['x-outrigger-reason'])
    })
    stream.on('data', (chunk) => {
      text += chunk
    })
    stream.on('error', () => undefined)
    stream.on('close', () => resolve({ status, body: text, reason }))
    stream.write(body)
    if (path === '/v1/sign') stream.end()
  })
}

/** A session without a certificate. */
const anonymous = (plane: ControlPlane): ClientHttp2Session =>
  connect(`https://127.0.0.1:${plane.ports.push}`, { rejectUnauthorized: false })

const hello = (workload: string, serves: unknown[] = []): string =>
  `${JSON.stringify({ type: 'hello', workload, version: 'test', serves })}\n`

test('a wrong join token gets no certificate, and the reason', async () => {
  await using folder = await temporaryFolder()
  await using plane = await controlPlane(folder.path)
  const sidecar = await TestSidecar.start({
    port: plane.ports.push,
    bundleFile: plane.bundleFile,
    workload: 'shop/web',
    token: 'outrigger-join.0000000000000000.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  })
  await eventually('the refusal is known', () => sidecar.rotation.state.lastError !== undefined)
  assert.match(sidecar.rotation.state.lastError ?? '', /join token is unknown, over, or not for this identity/)
  assert.equal(sidecar.identities.current, undefined)
  await sidecar[Symbol.asyncDispose]()
})

test('a token for one namespace does not make an identity of another', async () => {
  await using folder = await temporaryFolder()
  await using plane = await controlPlane(folder.path)
  await using sidecar = await TestSidecar.start({
    port: plane.ports.push,
    bundleFile: plane.bundleFile,
    workload: 'bank/vault',
    token: await joinToken(plane),
  })
  await eventually('the refusal is known', () => sidecar.rotation.state.lastError !== undefined)
  assert.equal(sidecar.identities.current, undefined)
})

test('whoever shows no certificate may sign with a token, and watch nothing', async () => {
  await using folder = await temporaryFolder()
  await using plane = await controlPlane(folder.path)
  const session = anonymous(plane)
  const watched = await exchange(session, '/v1/watch', hello('shop/web'))
  assert.equal(watched.status, 401)
  assert.match(watched.body, /the client showed no certificate/)
  const signed = await exchange(
    session,
    '/v1/sign',
    '{"csrPem":"nonsense","identity":"spiffe://mesh.test/ns/shop/sa/web"}',
  )
  assert.equal(signed.status, 401)
  const malformed = await exchange(session, '/v1/sign', '{"csrPem":1}', await joinToken(plane))
  assert.equal(malformed.status, 400)
  assert.match(malformed.body, /csrPem/)
  session.destroy()
})

test('a workload or service of another namespace than the certificate is refused with the reason', async () => {
  await using folder = await temporaryFolder()
  await using plane = await controlPlane(folder.path)
  const common = { port: plane.ports.push, bundleFile: plane.bundleFile, token: await joinToken(plane) }
  await using web = await TestSidecar.start({ ...common, workload: 'shop/web' })
  await web.watch.waitReady()
  const session = await web.channel.connect()
  assert.ok(session.ok)
  const cases: readonly (readonly [string, RegExp])[] = [
    [hello('bank/web'), /workload \\"bank\/web\\" is not in namespace \\"shop\\"/],
    [hello('shop/x', [registration('bank/vault', 1)]), /service \\"bank\/vault\\" is not in namespace \\"shop\\"/],
    [`${JSON.stringify({ type: 'pong' })}\n`, /first message must be \\"hello\\"/],
    ['not json\n', /not JSON/],
    [`"${'x'.repeat(100_000)}`, /longer than 65536 bytes/],
  ]
  for (const [body, reason] of cases) {
    const answer = await exchange(session.value, '/v1/watch', body)
    assert.equal(answer.status, 403, body.slice(0, 80))
    assert.match(answer.body, reason)
  }
  session.value.destroy()
})

test('two identities of one name are two workloads, and each is told of its own policy only', async () => {
  await using folder = await temporaryFolder()
  await using plane = await controlPlane(folder.path)
  const common = { port: plane.ports.push, bundleFile: plane.bundleFile, token: await joinToken(plane) }
  await using web = await TestSidecar.start({ ...common, workload: 'shop/web' })
  await using thief = await TestSidecar.start({ ...common, workload: 'shop/web', serviceAccount: 'thief' })
  await web.watch.waitReady()
  await thief.watch.waitReady()
  assert.equal(web.watch.status.connected, true)
  const identities = [web, thief].map(({ store }) => store.current.workload?.identity)
  assert.deepEqual(
    identities,
    ['web', 'thief'].map((account) => `spiffe://mesh.test/ns/shop/sa/${account}`),
  )
  const session = await web.channel.connect()
  assert.ok(session.ok)
  const subscribe = `${JSON.stringify({ type: 'subscribe', kind: 'Authorization', name: 'shop/orders' })}\n`
  const answer = await exchange(session.value, '/v1/watch', hello('shop/web-2') + subscribe)
  assert.match(answer.body + answer.reason, /is not this workload's/)
  session.value.destroy()
})

test('an oversized line after the hello ends the stream with its reason', async () => {
  await using folder = await temporaryFolder()
  await using plane = await controlPlane(folder.path)
  const common = { port: plane.ports.push, bundleFile: plane.bundleFile, token: await joinToken(plane) }
  await using web = await TestSidecar.start({ ...common, workload: 'shop/web' })
  await web.watch.waitReady()
  const session = await web.channel.connect()
  assert.ok(session.ok)
  const stream = session.value.request({ ':method': 'POST', ':path': '/v1/watch' }, { endStream: false })
  const ended = new Promise<string>((resolve) =>
    stream.on('trailers', (headers) => resolve(String(headers['x-outrigger-reason']))),
  )
  stream.on('error', () => undefined)
  stream.write(hello('shop/web-2'))
  await new Promise((resolve) => stream.once('data', resolve))
  stream.resume()
  stream.write('x'.repeat(70_000))
  assert.match(await ended, /longer than 65536 bytes/)
  session.value.destroy()
})

test('a slow reader is sent the newest version alone, and disturbs nobody', async () => {
  await using folder = await temporaryFolder()
  await using plane = await controlPlane(folder.path)
  const common = { port: plane.ports.push, bundleFile: plane.bundleFile, token: await joinToken(plane) }
  const filler = 'x'.repeat(400)
  const route = (i: number): string => `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: orders, namespace: shop}
spec:
  parentRefs: [{group: "", kind: Service, name: orders, port: 80}]
  rules:
${Array.from(
  { length: 16 },
  (
    _,
    n,
  ) => `    - matches: [${Array.from({ length: 8 }, (_, m) => `{path: {type: Exact, value: "/${n}/${m}/${filler}/${i}"}}`).join(', ')}]
      backendRefs: [{name: orders, port: 80}]`,
).join('\n')}
`
  const service =
    'apiVersion: v1\nkind: Service\nmetadata: {name: orders, namespace: shop}\nspec: {ports: [{port: 80}]}\n'
  await call(plane, 'PUT', '/v1/manifests', `${service}---\n${route(0)}`)
  await using web = await TestSidecar.start({ ...common, workload: 'shop/web' })
  await web.watch.want('Service', 'shop/orders')
  const session = await web.channel.connect()
  assert.ok(session.ok)
  const stream = session.value.request({ ':method': 'POST', ':path': '/v1/watch' }, { endStream: false })
  stream.on('error', () => undefined)
  stream.write(`${hello('shop/slow')}${JSON.stringify({ type: 'subscribe', kind: 'Service', name: 'shop/orders' })}\n`)
  const updates = 40
  for (let i = 1; i <= updates; i++) {
    const applied = await call(plane, 'PUT', '/v1/manifests', route(i))
    assert.equal(applied.status, 200, JSON.stringify(applied.body).slice(0, 300))
    await eventually('the fast one has it', () =>
      JSON.stringify(web.store.current.services.get('shop/orders')?.routes[0]).includes(`/${i}"`),
    )
  }
  let text = ''
  stream.on('data', (chunk) => {
    text += chunk
  })
  await eventually('the newest arrives', () => text.includes(`/${updates}"`))
  const told = text.split('\n').filter((line) => line.includes('"Service"')).length
  assert.ok(told < updates / 2, `${told} of ${updates + 1} versions were sent`)
  session.value.destroy()
})

test('TLS 1.2 is refused', async () => {
  await using folder = await temporaryFolder()
  await using plane = await controlPlane(folder.path)
  const failure = await new Promise<string>((resolve) => {
    const socket = connectTls({
      port: plane.ports.push,
      host: '127.0.0.1',
      maxVersion: 'TLSv1.2',
      rejectUnauthorized: false,
    })
    socket.on('secureConnect', () => resolve('connected'))
    socket.on('error', (error) => resolve(error.message))
  })
  assert.match(failure, /protocol version/)
})
