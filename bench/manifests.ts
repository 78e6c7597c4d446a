import type { Wire } from './contestant.ts'

/** Rules of each kind. Together they are the 20 that every request passes; the last one lets it through. */
export const RULE_COUNT = 10
/** The name that the rules on paths and accounts have, by number. */
export const ruleName = (at: number): string => `name-${at}`

const deny = (path: string): string => `
    - http: { methods: [DELETE], paths: [{ type: PathPrefix, value: /${path} }] }`
const allow = (account: string): string => `
    - sources: [{ type: ServiceAccount, serviceAccount: { name: ${account} } }]`
const rules = (count: number, of: (name: string) => string): string =>
  Array.from({ length: count }, (_, at) => of(ruleName(at))).join('')

const policy = (name: string, action: string, list: string): string => `---
apiVersion: outrigger.dev/v1alpha1
kind: AuthorizationPolicy
metadata: { name: ${name}, namespace: bench }
spec:
  targetRefs: [{ group: "", kind: Service, name: api }]
  action: ${action}
  rules:${list}
`

const service = (appProtocol: string): string => `apiVersion: v1
kind: Service
metadata: { name: api, namespace: bench }
spec: { ports: [{ port: 80, appProtocol: ${appProtocol} }] }
---
apiVersion: outrigger.dev/v1alpha1
kind: TrafficPolicy
metadata: { name: api, namespace: bench }
spec:
  targetRefs: [{ group: "", kind: Service, name: api }]
  circuitBreaker: { maxConnections: 1024, maxPendingRequests: 1024, maxParallelRequests: 1024 }
  outlierDetection: { consecutive5xxErrors: 5 }
  retry: { attempts: 2, codes: [502, 503, 504] }
`

const ROUTE = `---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: api, namespace: bench }
spec:
  parentRefs: [{ group: "", kind: Service, name: api }]
  rules:
    - matches: [{ path: { type: PathPrefix, value: / } }]
      timeouts: { request: 10s }
      backendRefs: [{ name: api, port: 80 }]
`

const requests = (appProtocol: string): string =>
  service(appProtocol) +
  ROUTE +
  policy('denied', 'DENY', rules(RULE_COUNT, deny)) +
  policy('allowed', 'ALLOW', rules(RULE_COUNT - 1, allow) + allow('web'))

/**
 * Policy that everything in the benchmark passes, by what is carried: a route with a timeout, retries, breakers, and 20
 * authorization rules of which the last one allows. Connections have no methods and paths: their 20 rules name callers.
 */
export const BENCH_MANIFESTS: Readonly<Record<Wire, string>> = {
  http: requests('http'),
  grpc: requests('grpc'),
  tcp: service('tcp') + policy('allowed', 'ALLOW', rules(2 * RULE_COUNT - 1, allow) + allow('web')),
}
