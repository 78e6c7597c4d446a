import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import test from 'ava'
import fc from 'fast-check'
import { startOtlpReceiver } from '../../../control-plane/telemetry/otlp-receiver.ts'
import { type ReceivedSpan, readExport } from '../../../control-plane/telemetry/received-span.ts'
import { TraceStore } from '../../../control-plane/telemetry/trace-store.ts'
import { LIMITS } from '../../../sidecar/core/limits.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const text = (key: string, stringValue: string): object => ({ key, value: { stringValue } })
const exported = (...spans: readonly object[]): object => ({
  resourceSpans: [
    { resource: { attributes: [text('service.name', 'orders')] }, scopeSpans: [{ scope: { name: 'x' }, spans }] },
  ],
})
const SPAN = {
  traceId: TRACE,
  spanId: 'b7ad6b7169203331',
  name: 'GET',
  kind: 2,
  startTimeUnixNano: '1700000000000500000',
  endTimeUnixNano: '1700000000002500000',
  attributes: [
    text('url.path', '/items'),
    { key: 'n', value: { intValue: '7' } },
    { key: 'b', value: { boolValue: true } },
  ],
  status: { code: 2 },
}
const post = (
  url: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Response> =>
  fetch(`${url}/v1/traces`, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } })

test('an export is kept, listed and shown', async () => {
  await using receiver = await startOtlpReceiver()
  const answer = await post(receiver.url, JSON.stringify(exported(SPAN)))
  assert.deepEqual([answer.status, await answer.json()], [200, {}])
  assert.deepEqual(await (await fetch(`${receiver.url}/traces`)).json(), {
    traces: [
      { traceId: TRACE, spans: 1, services: ['orders'], startMs: 1700000000000.5, durationMs: 2, hasError: true },
    ],
  })
  assert.deepEqual(await (await fetch(`${receiver.url}/traces/${TRACE}`)).json(), {
    traceId: TRACE,
    spans: [
      {
        traceId: TRACE,
        spanId: SPAN.spanId,
        parentSpanId: '',
        name: 'GET',
        kind: 'server',
        service: 'orders',
        startMs: 1700000000000.5,
        endMs: 1700000000002.5,
        isError: true,
        attributes: { 'url.path': '/items', n: 7, b: true },
        events: [],
      },
    ],
  })
})

test('a packed export is unpacked, and refused when it grows past the limit', async () => {
  await using receiver = await startOtlpReceiver()
  const packed = gzipSync(JSON.stringify(exported(SPAN)))
  assert.equal((await post(receiver.url, packed, { 'content-encoding': 'gzip' })).status, 200)
  const bomb = gzipSync(Buffer.alloc(LIMITS.receivedExportBytes + 1, 0x20))
  assert(bomb.length < 10_000)
  assert.equal((await post(receiver.url, bomb, { 'content-encoding': 'gzip' })).status, 413)
  assert.equal((await post(receiver.url, Uint8Array.of(1, 2, 3), { 'content-encoding': 'gzip' })).status, 400)
})

for (const [why, status, body, headers] of [
  ['is not JSON', 400, '{', {}],
  ['is protobuf', 415, 'x', { 'content-type': 'application/x-protobuf' }],
  ['is too long', 413, ' '.repeat(LIMITS.receivedExportBytes + 1), {}],
] as const) {
  test(`an export that ${why} is answered with ${status}`, async () => {
    await using receiver = await startOtlpReceiver()
    assert.equal((await post(receiver.url, body, headers)).status, status)
    assert.deepEqual(receiver.store.list(), [])
  })
}

test('unknown paths, methods and traces are refused', async () => {
  await using receiver = await startOtlpReceiver()
  assert.equal((await fetch(`${receiver.url}/nothing`)).status, 404)
  assert.equal((await fetch(`${receiver.url}/traces/${TRACE}`)).status, 404)
  assert.equal((await fetch(`${receiver.url}/traces`, { method: 'DELETE' })).status, 405)
})

test('spans with malformed ids are rejected and counted, the others kept', async () => {
  await using receiver = await startOtlpReceiver()
  const answer = await post(receiver.url, JSON.stringify(exported({ ...SPAN, spanId: 'zz' }, SPAN)))
  assert.deepEqual(await answer.json(), { partialSuccess: { rejectedSpans: '1' } })
  assert.equal(receiver.store.spans(TRACE).length, 1)
})

test('any JSON is read without a throw', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert(readExport(value).rejected >= 0)
      assert(
        readExport({ resourceSpans: [{ scopeSpans: [{ spans: [value, { ...SPAN, attributes: value }] }] }] })
          .rejected >= 0,
      )
    }),
  )
})

test('the store forgets the trace that was longest without news', () => {
  const store = new TraceStore(2)
  const [span] = readExport(exported(SPAN)).spans
  assert(span !== undefined)
  const of = (id: string): ReceivedSpan => ({ ...span, traceId: id.repeat(32) })
  for (const id of ['a', 'b', 'a', 'c']) store.add(of(id))
  assert.deepEqual(
    store.list().map((trace) => [trace.traceId[0], trace.spans]),
    [
      ['c', 1],
      ['a', 1],
    ],
  )
})
