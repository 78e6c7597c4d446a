import assert from 'node:assert/strict'
import test from 'ava'
import { ExchangeMetrics } from '../../../sidecar/telemetry/exchange-metrics.ts'
import type { ExchangeRecord } from '../../../sidecar/telemetry/exchange-record.ts'
import { counter, gauge, histogram } from '../../../sidecar/telemetry/metric-definition.ts'
import { MetricFamily } from '../../../sidecar/telemetry/metric-family.ts'
import { MetricRegistry } from '../../../sidecar/telemetry/metrics.ts'
import { SIDECAR_METRICS } from '../../../sidecar/telemetry/sidecar-metrics.ts'

const EXAMPLE = {
  hits: counter('hits_total', 'How "often".', ['who']),
  depth: gauge('depth', 'How deep.'),
  wait: histogram('wait_seconds', 'How long.', ['who'], [0.1, 1]),
}

function example(): { registry: MetricRegistry; set: ReturnType<MetricRegistry['metricSet']> } {
  const registry = new MetricRegistry()
  const set = registry.metricSet(EXAMPLE)
  set.hits.series({ who: 'a"b\\c\nd' }).add(2)
  set.depth.series({}).set(-3.5)
  const wait = set.wait.series({ who: 'x' })
  wait.observe(0.1)
  wait.observe(0.5, '0af7651916cd43dd8448eb211c80319c')
  wait.observe(7)
  return { registry, set }
}

test('metrics are written as Prometheus text 0.0.4', () => {
  const { body, contentType } = example().registry.expose(undefined)
  assert.equal(contentType, 'text/plain; version=0.0.4; charset=utf-8')
  assert.equal(
    body,
    `# HELP hits_total How "often".
# TYPE hits_total counter
hits_total{who="a\\"b\\\\c\\nd"} 2
# HELP depth How deep.
# TYPE depth gauge
depth -3.5
# HELP wait_seconds How long.
# TYPE wait_seconds histogram
wait_seconds_bucket{who="x",le="0.1"} 1
wait_seconds_bucket{who="x",le="1"} 2
wait_seconds_bucket{who="x",le="+Inf"} 3
wait_seconds_sum{who="x"} 7.6
wait_seconds_count{who="x"} 3
`,
  )
})

test('metrics are written as OpenMetrics 1.0 with exemplars where the scraper asks for it', () => {
  const { body, contentType } = example().registry.expose('application/openmetrics-text;version=1.0.0,text/plain;q=0.5')
  assert.equal(contentType, 'application/openmetrics-text; version=1.0.0; charset=utf-8')
  assert.equal(
    body,
    `# HELP hits How \\"often\\".
# TYPE hits counter
hits_total{who="a\\"b\\\\c\\nd"} 2
# HELP depth How deep.
# TYPE depth gauge
depth -3.5
# HELP wait_seconds How long.
# TYPE wait_seconds histogram
# UNIT wait_seconds seconds
wait_seconds_bucket{who="x",le="0.1"} 1
wait_seconds_bucket{who="x",le="1.0"} 2 # {trace_id="0af7651916cd43dd8448eb211c80319c"} 0.5
wait_seconds_bucket{who="x",le="+Inf"} 3
wait_seconds_sum{who="x"} 7.6
wait_seconds_count{who="x"} 3
# EOF
`,
  )
})

test('a family keeps to its limit of series, and sums stay right in the one called other', () => {
  const family = new MetricFamily(EXAMPLE.hits, 2)
  for (const who of ['a', 'b', 'c', 'd', 'a']) family.series({ who }).add()
  assert.deepEqual(
    family.collect().map((series) => [series.labelText, series.value]),
    [
      ['who="a"', 2],
      ['who="b"', 1],
      ['who="other"', 2],
    ],
  )
})

test('a gauge is refreshed before each exposition and may drop series that are gone', () => {
  const registry = new MetricRegistry()
  const { open } = registry.metricSet({ open: gauge('open', 'Open now.', ['kind']) })
  const now = new Map([['app', 1]])
  open.onCollect((family) => {
    family.clear()
    for (const [kind, value] of now) family.series({ kind }).set(value)
  })
  assert.match(registry.expose(undefined).body, /open\{kind="app"\} 1\n$/)
  now.clear()
  now.set('link', 4)
  assert.match(registry.expose(undefined).body, /gauge\nopen\{kind="link"\} 4\n$/)
})

test('an observation that is not a number, or negative, counts as zero', () => {
  const series = new MetricFamily(EXAMPLE.wait).series({ who: 'x' })
  series.observe(Number.NaN)
  series.observe(-1)
  assert.deepEqual([series.counts[0], series.sum], [2, 0])
})

const EXCHANGE: ExchangeRecord = {
  direction: 'outbound',
  startMs: 0,
  durationMs: 30,
  method: 'GET',
  path: '/items',
  authority: 'orders',
  protocol: 'http/1.1',
  status: 200,
  flag: '-',
  service: 'shop/orders',
  route: 'orders-split',
  endpoint: '127.0.0.1:15008',
  peerAddress: '127.0.0.1:4000',
  peerIdentity: 'spiffe://outrigger.local/ns/shop/sa/orders',
  attempts: 3,
  requestBytes: 10,
  responseBytes: 20,
}

test('exchanges are counted by direction, service, route, peer, status and flag', () => {
  const registry = new MetricRegistry()
  const exchanges = new ExchangeMetrics(registry.metricSet(SIDECAR_METRICS))
  exchanges.record(EXCHANGE)
  exchanges.record(EXCHANGE)
  exchanges.record({ ...EXCHANGE, status: 503, flag: 'UH', code: 'no-endpoints', attempts: 0 })
  exchanges.record({ ...EXCHANGE, direction: 'inbound', attempts: 1, peerIdentity: 'spiffe://d/ns/shop/sa/web' })
  const { body } = registry.expose(undefined)
  for (const line of [
    'http_client_request_duration_seconds_count{service="shop/orders",route="orders-split",status="200",flag="-"} 2',
    'http_client_request_duration_seconds_bucket{service="shop/orders",route="orders-split",status="200",flag="-",le="0.025"} 0',
    'http_client_request_duration_seconds_bucket{service="shop/orders",route="orders-split",status="200",flag="-",le="0.05"} 2',
    'http_client_request_duration_seconds_count{service="shop/orders",route="orders-split",status="503",flag="UH"} 1',
    'http_server_request_duration_seconds_count{service="shop/orders",peer="spiffe://d/ns/shop/sa/web",status="200",flag="-"} 1',
    'outrigger_errors_total{direction="outbound",flag="UH",code="no-endpoints"} 1',
    'outrigger_retries_total{service="shop/orders"} 4',
    'outrigger_request_bytes_total{direction="outbound",service="shop/orders"} 30',
    'outrigger_watch_losses_total 0',
  ]) {
    assert(body.includes(`${line}\n`), `${line} in\n${body}`)
  }
})
