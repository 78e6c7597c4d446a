import assert from 'node:assert/strict'
import { connect as http2Connect } from 'node:http2'
import test from 'ava'
import { eventually } from '../../support/eventually.ts'
import { block, headers, settings } from '../../support/http2-frames.ts'
import { startTestMesh, type TestMesh } from '../../support/mesh.ts'
import { rawExchange } from '../../support/raw-exchange.ts'

const mesh = (): Promise<TestMesh> =>
  startTestMesh({ services: { orders: (_request, response) => response.end('ok') }, callers: ['web'] })

/** Octets that are no request, and what is noted of them: status and code. */
const NO_REQUESTS: readonly (readonly [string, string | Buffer, number, string])[] = [
  ['a malformed head', 'GET / HTTP/1.1\r\nhost : orders\r\n\r\n', 400, 'bad-request'],
  ['a head that is too large', `GET / HTTP/1.1\r\nx: ${'x'.repeat(70_000)}\r\n\r\n`, 431, 'headers-too-large'],
  ['a target that is too long', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n\r\n`, 414, 'target-too-long'],
  ['an unknown coding', 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: x\r\n\r\n', 501, 'not-implemented'],
]

for (const [what, octets, status, code] of NO_REQUESTS) {
  test(`${what} has its line in the access log and its count, on both sides`, async () => {
    await using at = await mesh()
    const web = at.workload('web')
    const orders = at.workload('orders')
    for (const [workload, port, direction] of [
      [web, web.portFor('orders'), 'outbound'],
      [orders, orders.sidecar.ports.plain[0] ?? 0, 'inbound'],
    ] as const) {
      const answer = await rawExchange(port, octets, () => false)
      assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `))
      await eventually('it is logged', () => workload.accessLog.length > 0)
      const line = JSON.parse(workload.accessLog[0] ?? '')
      assert.equal(workload.accessLog.length, 1)
      assert.deepEqual([line.direction, line.status, line.code, line.method], [direction, status, code, ''])
      assert.match(line.peerAddress, /^127\.0\.0\.1:\d+$/)
      const counted = [...(await workload.metrics())].filter(([name]) => name.startsWith('outrigger_errors_total'))
      assert.equal(counted.length, 1)
      assert.match(counted[0]?.[0] ?? '', new RegExp(`direction="${direction}".*code="${code}"`))
    }
  })
}

/** RST_STREAM of stream 1, without its code. */
const RESET_OF_FIRST = '\0\0\x04\x03\0\0\0\0\x01'

test('so have a request of HTTP/2 without a path, and one that is too large', async () => {
  await using at = await mesh()
  const web = at.workload('web')
  const preface = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), settings()])
  const pathless = headers(1, block(':method', 'GET', ':scheme', 'http', ':authority', 'orders'))
  const octets = Buffer.concat([preface, pathless])
  await rawExchange(web.portFor('orders'), octets, (text) => text.includes(RESET_OF_FIRST))
  const session = http2Connect(`http://127.0.0.1:${web.portFor('orders')}`, { maxSendHeaderBlockLength: 200_000 })
  const status = await new Promise((resolve) => {
    const request = session.request({ ':path': '/', ':authority': 'orders', 'x-large': 'x'.repeat(66_000) })
    request.on('response', (head) => resolve(head[':status']))
    request.on('error', () => undefined)
  })
  session.destroy()
  assert.equal(status, 431)
  await eventually('both are logged', () => web.accessLog.length === 2)
  const lines = web.accessLog.map((line) => JSON.parse(line))
  assert.deepEqual(
    lines.map(({ protocol, status, code }) => [protocol, status, code]),
    [
      ['h2', 0, 'bad-request'],
      ['h2', 431, 'headers-too-large'],
    ],
  )
})
