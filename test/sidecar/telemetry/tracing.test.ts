import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import test from 'ava'
import { startOtlpReceiver } from '../../../control-plane/telemetry/otlp-receiver.ts'
import { isJoined, toTraceTree } from '../../../control-plane/telemetry/trace-tree.ts'
import { systemClock } from '../../../sidecar/core/clock.ts'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import { seededRandom } from '../../../sidecar/core/random.ts'
import type { Fields } from '../../../sidecar/http/head.ts'
import { BATCH_SPANS } from '../../../sidecar/telemetry/span-batches.ts'
import type { ClientSpanFacts, ServerSpanFacts } from '../../../sidecar/telemetry/span-description.ts'
import type { SpanExport, SpanResource } from '../../../sidecar/telemetry/span-export.ts'
import {
  forwardTraceContext,
  newTraceContext,
  readTraceContext,
  startTraceContext,
} from '../../../sidecar/telemetry/trace-context.ts'
import { Tracing } from '../../../sidecar/telemetry/tracing.ts'

const WEB: SpanResource = { serviceName: 'web', serviceNamespace: 'shop', serviceInstanceId: 'web-1' }
const ORDERS: SpanResource = { serviceName: 'orders', serviceNamespace: 'shop', serviceInstanceId: 'orders-1' }
const CALL: ClientSpanFacts = {
  method: 'GET',
  scheme: 'http',
  authority: 'orders:8080',
  path: '/items?token=secret',
  service: 'shop/orders',
  route: 'orders-split',
  endpointAddress: '127.0.0.1:15008',
  attempt: 1,
  peerIdentity: 'spiffe://outrigger.local/ns/shop/sa/orders',
  isGrpc: false,
}
const ARRIVAL: ServerSpanFacts = {
  method: 'GET',
  scheme: 'http',
  authority: 'orders',
  path: '/items?token=secret',
  service: 'shop/orders',
  peerAddress: '[::1]:4711',
  peerIdentity: 'spiffe://outrigger.local/ns/shop/sa/web',
  protocol: 'h2',
  isGrpc: false,
}

interface Drops {
  count: number
  readonly reasons: Set<string>
}

function tracing(resource: SpanResource, seed: number, drops: Drops = { count: 0, reasons: new Set() }): Tracing {
  return new Tracing(resource, {
    clock: systemClock,
    random: seededRandom(seed),
    onDrop: (count, reason) => {
      drops.count += count
      drops.reasons.add(reason)
    },
  })
}

test('a call with a retry arrives at a real OTLP endpoint as one joined tree', async () => {
  await using receiver = await startOtlpReceiver()
  const web = tracing(WEB, 1)
  const orders = tracing(ORDERS, 2)
  for (const each of [web, orders]) each.configure({ samplingRatio: 1, otlpEndpoint: receiver.url })

  // The spans of this hop end before the exporter is loaded, as those of a process's first requests do.
  const entry = web.startServerSpan(startTraceContext([], seededRandom(3), web.samplingRatio), ARRIVAL)
  assert(entry !== undefined)
  const fromApp: Fields = ['traceparent', entry.traceparent, 'tracestate', 'vendor=1']
  const context = startTraceContext(fromApp, seededRandom(4), 0)
  const first = web.startClientSpan(context, CALL)
  first?.event('endpoint-picked', { endpoint: 'a' })
  first?.end({ status: 0, error: 'connect-failure', flag: 'UC' })
  const second = web.startClientSpan(context, { ...CALL, attempt: 2 })
  const onTheWire = forwardTraceContext(fromApp, context, second?.spanId, seededRandom(5))
  const arrived = startTraceContext(onTheWire, seededRandom(6), 0)
  const server = orders.startServerSpan(arrived, ARRIVAL)
  const toApp = forwardTraceContext(onTheWire, arrived, server?.spanId, seededRandom(7))
  server?.end({ status: 200 })
  second?.end({ status: 200, flag: '-' })
  entry.end({ status: 200 })
  await Promise.all([web.close(5_000), orders.close(5_000)])

  const spans = receiver.store.spans(context.traceId)
  assert.equal(spans.length, 4)
  assert(isJoined(spans))
  const [root] = toTraceTree(spans).roots
  assert.deepEqual(
    [root?.span.spanId, root?.children.map((node) => node.span.spanId), root?.children[1]?.children[0]?.span.spanId],
    [entry.spanId, [first?.spanId, second?.spanId], server?.spanId],
  )
  assert.equal(
    readTraceContext(toApp)?.parentSpanId,
    server?.spanId,
    'the application receives the SERVER span as parent',
  )
  assert.equal(readTraceContext(toApp)?.tracestate, 'vendor=1')

  const [failed, retried] = root?.children.map((node) => node.span) ?? []
  assert.deepEqual(
    { ...failed?.attributes },
    {
      'mesh.component': 'sidecar',
      'http.request.method': 'GET',
      'server.address': 'orders',
      'server.port': 8080,
      'mesh.service': 'shop/orders',
      'mesh.peer.identity': 'spiffe://outrigger.local/ns/shop/sa/orders',
      'url.full': 'http://orders:8080/items',
      'mesh.route': 'orders-split',
      'network.peer.address': '127.0.0.1',
      'network.peer.port': 15008,
      'mesh.response_flags': 'UC',
      'error.type': 'connect-failure',
    },
  )
  assert.deepEqual([failed?.kind, failed?.service, failed?.isError, failed?.name], ['client', 'web', true, 'GET'])
  assert.deepEqual(
    failed?.events.map((event) => event.name),
    ['endpoint-picked'],
  )
  assert.deepEqual(
    [
      retried?.attributes['http.request.resend_count'],
      retried?.attributes['http.response.status_code'],
      retried?.isError,
    ],
    [1, 200, false],
  )
  const served = spans.find((span) => span.spanId === server?.spanId)
  assert.deepEqual(
    { ...served?.attributes },
    {
      'mesh.component': 'sidecar',
      'http.request.method': 'GET',
      'server.address': 'orders',
      'mesh.service': 'shop/orders',
      'mesh.peer.identity': 'spiffe://outrigger.local/ns/shop/sa/web',
      'url.path': '/items',
      'url.scheme': 'http',
      'network.protocol.version': '2',
      'network.peer.address': '::1',
      'network.peer.port': 4711,
      'client.address': '::1',
      'http.response.status_code': 200,
    },
  )
  for (const span of spans) assert(span.endMs >= span.startMs)
})

test('without an endpoint nothing is sampled, no span begins and the SDK is not loaded', () => {
  const quiet = new Tracing(WEB, {
    clock: systemClock,
    random: seededRandom(1),
    onDrop: () => assert.fail('nothing to drop'),
    open: () => assert.fail('the SDK was loaded'),
  })
  quiet.configure({ samplingRatio: 1 })
  assert.equal(quiet.samplingRatio, 0)
  assert.equal(quiet.startClientSpan(newTraceContext(seededRandom(1), true), CALL), undefined)
})

test('an unsampled context begins no span', async () => {
  await using receiver = await startOtlpReceiver()
  const web = tracing(WEB, 1)
  web.configure({ samplingRatio: 1, otlpEndpoint: receiver.url })
  const context = newTraceContext(seededRandom(1), false)
  assert.equal(web.startClientSpan(context, CALL), undefined)
  assert.equal(web.startServerSpan(context, ARRIVAL), undefined)
  await web.close(5_000)
})

test('a changed endpoint receives the spans that end after the change', async () => {
  await using before = await startOtlpReceiver()
  await using after = await startOtlpReceiver()
  const web = tracing(WEB, 9)
  web.configure({ samplingRatio: 1, otlpEndpoint: before.url })
  const [one, two] = [newTraceContext(seededRandom(1), true), newTraceContext(seededRandom(2), true)]
  const early = web.startClientSpan(one, CALL)
  const late = web.startClientSpan(two, CALL)
  early?.end({ status: 200 })
  await web.flush()
  web.configure({ samplingRatio: 1, otlpEndpoint: after.url })
  late?.end({ status: 200 })
  await web.close(5_000)
  assert.deepEqual([before.store.spans(one.traceId).length, before.store.spans(two.traceId).length], [1, 0])
  assert.deepEqual([after.store.spans(one.traceId).length, after.store.spans(two.traceId).length], [0, 1])
})

test('spans past the queue are dropped and counted, while the exporter is still loading', async () => {
  const drops: Drops = { count: 0, reasons: new Set() }
  await using receiver = await startOtlpReceiver()
  const web = tracing(WEB, 1, drops)
  web.configure({ samplingRatio: 1, otlpEndpoint: receiver.url })
  const context = newTraceContext(seededRandom(1), true)
  for (let i = 0; i < LIMITS.spanQueueCount + 5; i++) web.startClientSpan(context, CALL)?.end({ status: 200 })
  assert.deepEqual([drops.count, [...drops.reasons]], [5, ['queue-full']])
  await web.close(5_000)
  // One trace keeps fewer spans than were sent: the receiver has its own limit.
  assert.equal(receiver.store.spans(context.traceId).length, LIMITS.receivedSpansPerTraceCount)
})

test('an endpoint that does not answer costs a bounded queue, and what is over it is counted', async () => {
  const drops: Drops = { count: 0, reasons: new Set() }
  let answer: (() => void) | undefined
  const allowed = new Promise<void>((resolve) => {
    answer = resolve
  })
  const slow = createServer((_req, res) => void allowed.then(() => res.writeHead(400).end()))
  await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve))
  const web = tracing(WEB, 1, drops)
  web.configure({ samplingRatio: 1, otlpEndpoint: `http://127.0.0.1:${(slow.address() as AddressInfo).port}` })
  await web.flush()
  const context = newTraceContext(seededRandom(1), true)
  // One batch is on its way and is not answered; behind it the queue fills.
  const fits = BATCH_SPANS + LIMITS.spanQueueCount
  for (let i = 0; i < fits + 7; i++) web.startClientSpan(context, CALL)?.end({ status: 200 })
  assert.deepEqual([drops.count, [...drops.reasons]], [7, ['queue-full']])
  answer?.()
  await web.close(5_000)
  slow.closeAllConnections()
  await new Promise((resolve) => slow.close(resolve))
  assert.equal(drops.count, fits + 7, 'what the endpoint refused in the end is counted too')
})

test('spans that the endpoint refuses are counted', async () => {
  const drops: Drops = { count: 0, reasons: new Set() }
  await using receiver = await startOtlpReceiver()
  const web = tracing(WEB, 1, drops)
  web.configure({ samplingRatio: 1, otlpEndpoint: `${receiver.url}/nowhere` })
  web.startClientSpan(newTraceContext(seededRandom(1), true), CALL)?.end({ status: 200 })
  await web.close(5_000)
  assert.deepEqual([drops.count, [...drops.reasons]], [1, ['export-failed']])
})

test('an endpoint that is no URL is told of, and its spans are counted as dropped', async () => {
  const drops: Drops = { count: 0, reasons: new Set() }
  const problems: string[] = []
  const web = new Tracing(WEB, {
    clock: systemClock,
    random: seededRandom(1),
    onDrop: (count, reason) => {
      drops.count += count
      drops.reasons.add(reason)
    },
    onProblem: (problem) => problems.push(problem),
  })
  web.configure({ samplingRatio: 1, otlpEndpoint: 'not a url' })
  web.startClientSpan(newTraceContext(seededRandom(1), true), CALL)?.end({ status: 200 })
  await web.flush()
  assert.deepEqual([drops.count, [...drops.reasons]], [1, ['off']])
  assert.match(problems[0] ?? '', /^Cannot export traces: /)
})

test('closing is bounded in time though the endpoint never answers', async () => {
  let fire: (() => void) | undefined
  const stuck: SpanExport = {
    write: () => undefined,
    flush: () => new Promise(() => undefined),
    close: () => new Promise(() => undefined),
  }
  const web = new Tracing(WEB, {
    clock: {
      ...systemClock,
      after: (_, action) => {
        fire = action
        return { cancel: () => undefined }
      },
    },
    random: seededRandom(1),
    onDrop: () => undefined,
    open: () => Promise.resolve(stuck),
  })
  web.configure({ samplingRatio: 1, otlpEndpoint: 'http://127.0.0.1:1' })
  const closing = web.close(100)
  assert(fire !== undefined, 'a timer bounds the close')
  fire()
  await closing
})

test('spans keep their order though the wall clock counts whole milliseconds, and follow it when it is set', async () => {
  await using receiver = await startOtlpReceiver()
  let nowMs = 0.25
  let wallBaseMs = 1_700_000_000_000
  const web = new Tracing(WEB, {
    clock: { nowMs: () => nowMs, wallMs: () => Math.floor(wallBaseMs + nowMs), after: systemClock.after },
    random: seededRandom(1),
    onDrop: () => undefined,
  })
  web.configure({ samplingRatio: 1, otlpEndpoint: receiver.url })
  const context = newTraceContext(seededRandom(1), true)
  const span = (): void => {
    const begun = web.startClientSpan(context, CALL)
    nowMs += 0.25
    begun?.end({ status: 200 })
  }
  for (let i = 0; i < 8; i++) span()
  wallBaseMs -= 60_000
  span()
  await web.close(5_000)
  const starts = receiver.store.spans(context.traceId).map((each) => each.startMs - 1_700_000_000_000)
  assert(starts[0] !== undefined && starts[0] < -59_000, 'the clock was set back')
  for (let i = 2; i < starts.length; i++) assert((starts[i] ?? 0) > (starts[i - 1] ?? 0), `${starts}`)
})
