import type {
  AuthorizationPolicy,
  AuthorizationResource,
  AuthorizationRule,
  Endpoint,
  EndpointsResource,
  RetrySettings,
  RouteRule,
  ServiceResource,
  TrafficSettings,
  WorkloadResource,
} from '../../sidecar/config/resources.ts'

/** Builders of valid resources: a test names only what it is about. */
export const retry = (change: Partial<RetrySettings> = {}): RetrySettings => ({
  attempts: 2,
  statuses: [503],
  idempotent: false,
  backoffBaseMs: 25,
  backoffMaxMs: 250,
  ...change,
})

export const traffic = (change: Partial<TrafficSettings> = {}): TrafficSettings => ({
  origin: { kind: 'TrafficPolicy', namespace: 'shop', name: 'defaults' },
  balancer: 'p2c-ewma',
  connectTimeoutMs: 1_000,
  requestTimeoutMs: 10_000,
  responseTimeoutMs: 5_000,
  perTryTimeoutMs: 2_000,
  streamIdleTimeoutMs: 0,
  retry: retry(),
  retryBudget: { ratio: 0.2, minConcurrent: 3 },
  circuitBreaker: { maxConnections: 100, maxRequests: 1_000, maxPending: 100 },
  outlier: { consecutiveFailures: 5, baseEjectionMs: 1_000, maxEjectionMs: 30_000, maxEjectedRatio: 0.5 },
  ...change,
})

/** A rule of `HTTPRoute shop/orders` to the service itself. */
export const rule = (change: Partial<RouteRule> = {}, match: Partial<RouteRule['match']> = {}): RouteRule => ({
  origin: { kind: 'HTTPRoute', namespace: 'shop', name: 'orders' },
  rule: 0,
  ports: [],
  match: { headers: [], query: [], ...match },
  filters: {},
  backends: [{ service: 'shop/orders', port: 80, weight: 1 }],
  ...change,
})

export const service = (change: Partial<ServiceResource> = {}): ServiceResource => ({
  kind: 'Service',
  name: 'shop/orders',
  hostnames: ['orders', 'orders.shop'],
  virtualAddresses: [],
  ports: [{ port: 80, protocol: 'http' }],
  routes: [rule()],
  traffic: traffic(),
  ...change,
})

export const endpoint = (id: string, change: Partial<Endpoint> = {}): Endpoint => ({
  id,
  workload: 'shop/orders',
  address: '127.0.0.1',
  transport: 'plain',
  port: 8080,
  appPort: 8080,
  protocol: 'http',
  weight: 1,
  labels: {},
  ...change,
})

export const endpoints = (ids: readonly string[], name = 'shop/orders'): EndpointsResource => ({
  kind: 'Endpoints',
  name,
  endpoints: ids.map((id) => endpoint(id)),
})

export const workload = (change: Partial<WorkloadResource> = {}): WorkloadResource => ({
  kind: 'Workload',
  name: 'shop/orders',
  identity: 'spiffe://mesh.local/ns/shop/sa/orders',
  serves: [{ service: 'shop/orders', port: 80, appPort: 8080, protocol: 'http' }],
  mtls: 'STRICT',
  ...change,
})

export const authorizationRule = (change: Partial<AuthorizationRule> = {}): AuthorizationRule => ({
  rule: 0,
  ports: [],
  methods: [],
  hosts: [],
  paths: [],
  headers: [],
  ...change,
})

export const policy = (
  action: AuthorizationPolicy['action'],
  rules: readonly Partial<AuthorizationRule>[],
  name: string = action.toLowerCase(),
): AuthorizationPolicy => ({
  origin: { kind: 'AuthorizationPolicy', namespace: 'shop', name },
  action,
  rules: rules.map((change, i) => authorizationRule({ rule: i, ...change })),
})

export const authorization = (
  policies: AuthorizationPolicy[],
  defaultAction: AuthorizationResource['defaultAction'] = 'ALLOW',
): AuthorizationResource => ({ kind: 'Authorization', name: 'shop/orders', defaultAction, policies })
