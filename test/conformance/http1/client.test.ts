import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import test from 'ava'
import { eventually } from '../../support/eventually.ts'
import { startTestMesh, type TestMesh } from '../../support/mesh.ts'
import { rawExchange } from '../../support/raw-exchange.ts'
import { type Fate, RESPONSES } from './responses.ts'

/** Each request is sent once, and a bad endpoint stays. */
const ONCE = `apiVersion: outrigger.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: orders, namespace: shop}
spec:
  targetRefs: [{group: "", kind: Service, name: orders}]
  outlierDetection: {consecutive5xxErrors: 0}
  retry: {attempts: 0}
`

let mesh: TestMesh
/** What the application does with the next request head, and the connections that it has. */
let answer: (socket: Socket) => void = () => {}
const connections = new Set<Socket>()
let served = 0

test.before(async () => {
  const raw = (socket: Socket): void => {
    connections.add(socket)
    let text = ''
    socket.on('close', () => connections.delete(socket))
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      const end = text.indexOf('\r\n\r\n')
      if (end < 0 || socket.writableEnded) return
      text = text.slice(end + 4)
      served++
      answer(socket)
    })
  }
  mesh = await startTestMesh({ services: { orders: { raw } }, callers: ['web'], manifests: ONCE })
})
test.after.always(() => mesh[Symbol.asyncDispose]())
test.beforeEach(async () => {
  // By request: connections that are closed while they idle teach the sidecar to keep none.
  answer = (socket) => void socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
  if (connections.size > 0) await request()
  await eventually('the connections of the case before are gone', () => connections.size === 0)
  served = 0
})

/** A request on a connection of its own, and all that comes back. */
const request = (method = 'GET', fields = 'Connection: close\r\n', isDone = (_: string) => false): Promise<string> =>
  rawExchange(mesh.workload('web').portFor('orders'), `${method} / HTTP/1.1\r\nHost: orders\r\n${fields}\r\n`, isDone)
const statusOf = (text: string): number => Number(text.slice(9, 12))
/** Interim responses apart. */
const final = (text: string): string => text.replace(/^(?:HTTP\/1\.1 1\d\d [^\r]*\r\n(?:[^\r]+\r\n)*\r\n)+/, '')

function fateOf(text: string, method: string): Fate {
  if (statusOf(text) === 502 || statusOf(text) === 503) return 'refused'
  const [head = '', body = ''] = [text.slice(0, text.indexOf('\r\n\r\n') + 2), text.slice(text.indexOf('\r\n\r\n') + 4)]
  if (text === '' || head === '') return 'broken'
  if (method === 'HEAD' || [204, 304].includes(statusOf(text))) return body === '' ? 'complete' : 'broken'
  if (/\r\ntransfer-encoding: chunked\r\n/i.test(head))
    return /(?:^|\r\n)0\r\n(?:[^\r]+\r\n)*\r\n$/.test(body) ? 'complete' : 'broken'
  return body.length === Number(/\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1] ?? -1) ? 'complete' : 'broken'
}

for (const { row, sent, octets, fate, method = 'GET', closes, shows, hides, isReused } of RESPONSES) {
  test.serial(`row ${row}: ${sent}: ${fate}`, async () => {
    answer = (socket) => {
      socket.write(octets, 'latin1')
      if (closes === true) socket.end()
    }
    const text = final(await request(method))
    assert.equal(fateOf(text, method), fate, text)
    if (shows !== undefined) assert.match(text, shows)
    if (hides !== undefined) assert.doesNotMatch(text, hides)
    assert.equal(served, 1, 'the request was sent once')
    if (isReused !== true) await eventually('the connection is closed', () => connections.size === 0)
    answer = (socket) => void socket.write('HTTP/1.1 200 OK\r\nX-Next: 1\r\nContent-Length: 0\r\n\r\n')
    const next = await request()
    assert.match(next, /^HTTP\/1\.1 200 .*x-next: 1\r\n/is)
    assert.equal(connections.size, 1)
  })
}

test.serial(
  'row 21: a response before the body is complete reaches the caller, and its connection is not used again',
  async () => {
    answer = (socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    const text = await request('POST', 'Content-Length: 100000\r\n', (text) => text.endsWith('ok'))
    assert.equal(statusOf(text), 200)
    await eventually('the connection is closed', () => connections.size === 0)
  },
)

test.serial('row 21: a response to an expectation, with the body never sent, costs the connection', async () => {
  answer = (socket) => void socket.write('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n')
  const text = await request('POST', 'Expect: 100-continue\r\nContent-Length: 1000\r\n', (text) =>
    /HTTP\/1\.1 401 .*\r\n\r\n$/s.test(text),
  )
  assert.equal(statusOf(final(text)), 401)
  await eventually('the connection is closed', () => connections.size === 0)
})

test.serial('row 23: a response before the request costs the connection, and nobody is answered with it', async () => {
  answer = (socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  assert.equal(statusOf(await request()), 200)
  assert.equal(connections.size, 1, 'it is kept')
  for (const socket of connections) socket.write('HTTP/1.1 200 OK\r\nX-Smuggled: 1\r\nContent-Length: 0\r\n\r\n')
  await eventually('the connection is closed', () => connections.size === 0)
  assert.doesNotMatch(await request(), /smuggled/i)
})

const UPGRADE = 'Connection: upgrade\r\nUpgrade: websocket\r\n'

test.serial(
  'row 25: an upgrade becomes a tunnel after 101, whose connection is never used for anything else',
  async () => {
    answer = (socket) =>
      void socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81raw',
        'latin1',
      )
    const text = await request('GET', UPGRADE, (text) => text.endsWith('raw'))
    assert.equal(statusOf(text), 101)
    await eventually('the connection is closed with the tunnel', () => connections.size === 0)
  },
)

test.serial('row 25: 200 to an upgrade is a response and no tunnel (Envoy CVE-2024-23326)', async () => {
  answer = (socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokGET /smuggled HTTP/1.1\r\n\r\n')
  const text = await request('GET', UPGRADE, (text) => text.endsWith('ok') || text.includes('smuggled'))
  assert.equal(statusOf(text), 200)
  assert.doesNotMatch(text, /smuggled/)
  await eventually('the connection is closed', () => connections.size === 0)
})
