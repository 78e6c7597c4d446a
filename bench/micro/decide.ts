/*
 * How fast the brain decides. `node bench/micro/decide.ts` prints decisions per second and nanoseconds each, for cases of
 * rising cost: no mesh traffic is involved, one core, the serving recorder (silent), a real `LoadState`.
 */
import { LoadState } from '../../sidecar/balancing/load-state.ts'
import type { Resource, RouteRule, ServiceResource, TrafficSettings } from '../../sidecar/config/resources.ts'
import { SnapshotStore } from '../../sidecar/config/snapshot-store.ts'
import { systemClock } from '../../sidecar/core/clock.ts'
import { systemRandom } from '../../sidecar/core/random.ts'
import { decide } from '../../sidecar/decide/decide.ts'
import type { RequestFacts, World } from '../../sidecar/decide/decision.ts'
import { SILENT } from '../../sidecar/decide/trace-step.ts'

const ROUNDS = 7
const ROUND_MS = 200
const SERVICES = 50

const origin = { kind: 'HTTPRoute', namespace: 'shop', name: 'bench' }
const traffic: TrafficSettings = {
  origin,
  balancer: 'p2c-ewma',
  connectTimeoutMs: 1_000,
  requestTimeoutMs: 0,
  perTryTimeoutMs: 5_000,
  streamIdleTimeoutMs: 0,
  retry: { attempts: 2, statuses: [503], idempotent: false, backoffBaseMs: 25, backoffMaxMs: 250 },
  retryBudget: { ratio: 0.2, minConcurrent: 3 },
  circuitBreaker: { maxConnections: 100, maxRequests: 1_000, maxPending: 100 },
  outlier: { consecutiveFailures: 5, baseEjectionMs: 1_000, maxEjectionMs: 30_000, maxEjectedRatio: 0.5 },
}

const toRule = (service: string, rule: number, match: Partial<RouteRule['match']> = {}): RouteRule => ({
  origin,
  rule,
  ports: [],
  match: { headers: [], query: [], ...match },
  filters: {},
  backends: [{ service, port: 80, weight: 1 }],
})

const toService = (name: string, routes: RouteRule[]): ServiceResource => ({
  kind: 'Service',
  name: `shop/${name}`,
  hostnames: [name, `${name}.shop`, `${name}.shop.svc.cluster.local`],
  virtualAddresses: [],
  ports: [{ port: 80, protocol: 'http' }],
  routes,
  traffic,
})

function resources(): Resource[] {
  const all: Resource[] = []
  const tenRules: RouteRule[] = []
  for (let i = 0; i < 9; i++)
    tenRules.push(toRule('shop/many', i, { path: { type: 'path-prefix', value: `/area-${i}` } }))
  all.push(toService('many', [...tenRules, toRule('shop/many', 9)]))
  for (let i = 0; i < SERVICES; i++) all.push(toService(`orders-${i}`, [toRule(`shop/orders-${i}`, 0)]))
  for (const { name } of all.slice()) {
    const toEndpoint = (n: number) => ({
      id: `${name}-${n}:8080`,
      workload: name,
      address: `10.0.0.${n}`,
      transport: 'mesh' as const,
      port: 15008,
      appPort: 8080,
      protocol: 'http' as const,
      identity: 'spiffe://mesh.local/ns/shop/sa/orders',
      weight: 1,
      labels: {},
    })
    all.push({ kind: 'Endpoints', name, endpoints: [1, 2, 3].map(toEndpoint) })
  }
  return all
}

/** Text as the wire makes it: a new string for each request, not an interned constant. */
const fromWire = (text: string): string => Buffer.from(text, 'latin1').toString('latin1')

const toFacts = (authority: string, path: string): RequestFacts => ({
  direction: 'outbound',
  service: undefined,
  port: undefined,
  method: 'GET',
  authority: fromWire(authority),
  path: fromWire(path),
  fields: [
    'accept',
    '*/*',
    'user-agent',
    'curl/8',
    'x-request-id',
    '1',
    'traceparent',
    '00-1',
    'accept-encoding',
    'gzip',
  ],
  caller: 'spiffe://mesh.local/ns/shop/sa/web',
  callerAddress: '127.0.0.1',
  wire: 'http/1.1',
  priorAttempts: 0,
})

function measure(name: string, requests: readonly RequestFacts[], world: World): void {
  let bestPerSecond = 0
  for (let round = 0; round < ROUNDS; round++) {
    const startMs = systemClock.nowMs()
    let count = 0
    let spentMs = 0
    while (spentMs < ROUND_MS) {
      for (let i = 0; i < 1_000; i++) {
        const request = requests[i % requests.length]
        if (request !== undefined && decide(request, world, SILENT).kind === 'forward') count++
      }
      spentMs = systemClock.nowMs() - startMs
    }
    bestPerSecond = Math.max(bestPerSecond, (count * 1_000) / spentMs)
  }
  const line = {
    case: name,
    decisionsPerSecond: Math.round(bestPerSecond),
    nanoseconds: Math.round(1e9 / bestPerSecond),
  }
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

const snapshots = new SnapshotStore()
const rejections = snapshots.apply(resources().map((put) => ({ put })))
if (rejections.length > 0) throw new Error(rejections[0]?.reason)
const load = new LoadState(snapshots, systemClock, systemRandom)
const world: World = { snapshot: snapshots.current, load, nowMs: 0, random: systemRandom }

const listener = { ...toFacts('127.0.0.1:9101', '/items'), service: 'shop/orders-1' }
measure('listener, one rule', [listener], world)
const hosts = Array.from({ length: 1_000 }, (_, i) => toFacts(`orders-${i % SERVICES}`, `/items/${i}?page=1`))
measure('host, one rule, 50 services', hosts, world)
const tenth = Array.from({ length: 1_000 }, (_, i) => toFacts('many.shop:80', `/items/${i}`))
measure('host with port, tenth rule', tenth, world)
for (const { endpoints } of snapshots.current.endpoints.values()) {
  const [first] = endpoints
  if (first === undefined) continue
  load.onAttemptStart('shop/many', first)
  load.onAttemptEnd('shop/many', first, 5, 'success', traffic)
}
measure('host, one rule, measured endpoints', hosts, world)
