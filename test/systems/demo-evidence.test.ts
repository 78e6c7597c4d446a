import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import test from 'ava'
import { toCertificatePem } from '../../certs/certificate.ts'
import type { ReceivedSpan } from '../../control-plane/telemetry/received-span.ts'
import { TraceStore } from '../../control-plane/telemetry/trace-store.ts'
import { sumOf } from '../../examples/shop/demo/evidence.ts'
import { answerInTheClear, answerWithoutCertificate } from '../../examples/shop/demo/knock.ts'
import { percentile } from '../../examples/shop/demo/load.ts'
import { joinedTraces } from '../../examples/shop/demo/traces.ts'
import { makePki } from '../certs/mesh-pki.ts'

/*
 * The demo says that nobody was let in, and that traces are joined. These hold that it would say the opposite if it
 * were so.
 */

async function listening(server: Server): Promise<{ readonly port: number } & AsyncDisposable> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { port, [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())) }
}

function tlsServer(options: TlsOptions): Server {
  const { keyPair, certificate } = makePki().leaf('spiffe://mesh.example/ns/shop/sa/web')
  const key = keyPair.privateKey.export({ type: 'pkcs8', format: 'pem' })
  const server = createTlsServer({ key, cert: toCertificatePem(certificate), ...options }, (socket) => {
    socket
      .on('error', () => undefined)
      .resume()
      .end('hello')
  })
  return server.on('tlsClientError', () => undefined)
}

test('a server that answers in the clear is seen', async () => {
  await using server = await listening(createServer((_, response) => response.end()))
  assert.match(await answerInTheClear(server.port), /^HTTP\/1\.1 200/)
})

test('a TLS port does not answer in the clear', async () => {
  await using server = await listening(tlsServer({}))
  assert.equal(await answerInTheClear(server.port), '')
})

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a server that lets a stranger in over ${version} is seen`, async () => {
    await using server = await listening(tlsServer({ minVersion: 'TLSv1.2' }))
    assert.notEqual(await answerWithoutCertificate(server.port, version), '')
  })

  test(`a server that wants a certificate over ${version} does not answer a stranger`, async () => {
    await using server = await listening(
      tlsServer({ minVersion: 'TLSv1.2', requestCert: true, rejectUnauthorized: true }),
    )
    // In TLS 1.2 the handshake itself fails; in 1.3 nothing follows it.
    assert.equal(await answerWithoutCertificate(server.port, version), '')
  })
}

/** The spans of one page, each under the one before. */
function pageSpans(traceId: string): ReceivedSpan[] {
  const hops = ['shop/web', 'shop/orders', 'shop/inventory-v2']
  const kinds = hops.flatMap((service) => (['client', 'server'] as const).map((kind) => ({ service, kind })))
  return kinds.map(({ service, kind }, at) => ({
    traceId,
    spanId: `${at + 1}`,
    parentSpanId: at === 0 ? '' : `${at}`,
    name: 'GET',
    kind,
    service: 'any',
    startMs: at,
    endMs: 100 - at,
    isError: false,
    attributes: { 'mesh.service': service },
    events: [],
  }))
}

function storeOf(spans: readonly ReceivedSpan[]): TraceStore {
  const store = new TraceStore()
  for (const span of spans) store.add(span)
  return store
}

test('a trace with both spans of every hop is joined', () => {
  assert.deepEqual(joinedTraces(storeOf(pageSpans('a'))), ['a'])
})

for (let missing = 0; missing < 6; missing++) {
  test(`a trace without its span ${missing + 1} is not joined`, () => {
    const spans = pageSpans('a').filter((_, at) => at !== missing)
    assert.deepEqual(joinedTraces(storeOf(spans)), [])
  })
}

test('a trace whose context was lost between two hops is not joined', () => {
  const spans = pageSpans('a').map((span, at) => (at === 2 ? { ...span, parentSpanId: '' } : span))
  assert.deepEqual(joinedTraces(storeOf(spans)), [])
})

test('sumOf adds up a counter over its labels, and no other that begins alike', () => {
  const metrics = '# HELP a_total x\na_total{b="1"} 2\na_total{b="2"} 3\na_total_more 7\na_totals{} 9\n'
  assert.equal(sumOf(metrics, 'a_total'), 5)
})

test('percentile of nothing is 0', () => {
  assert.deepEqual([percentile([], 0.5), percentile([3, 1, 2], 0.5), percentile([3, 1, 2], 0.99)], [0, 2, 3])
})
