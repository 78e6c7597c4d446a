const deny = (path: string): string => `
    - http: { methods: [DELETE], paths: [{ type: PathPrefix, value: /${path} }] }`
const allow = (account: string): string => `
    - sources: [{ type: ServiceAccount, serviceAccount: { name: ${account} } }]`
const rules = (count: number, of: (name: string) => string): string =>
  Array.from({ length: count }, (_, at) => of(`name-${at}`)).join('')

/** Policy that every request of the benchmark passes: a route with a timeout, and 20 authorization rules of which the last one allows. */
export const BENCH_MANIFESTS = `
apiVersion: v1
kind: Service
metadata: { name: api, namespace: bench }
spec: { ports: [{ port: 80, appProtocol: http }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: api, namespace: bench }
spec:
  parentRefs: [{ group: "", kind: Service, name: api }]
  rules:
    - matches: [{ path: { type: PathPrefix, value: / } }]
      timeouts: { request: 10s }
      backendRefs: [{ name: api, port: 80 }]
---
apiVersion: outrigger.dev/v1alpha1
kind: AuthorizationPolicy
metadata: { name: denied, namespace: bench }
spec:
  targetRefs: [{ group: "", kind: Service, name: api }]
  action: DENY
  rules:${rules(10, deny)}
---
apiVersion: outrigger.dev/v1alpha1
kind: AuthorizationPolicy
metadata: { name: allowed, namespace: bench }
spec:
  targetRefs: [{ group: "", kind: Service, name: api }]
  action: ALLOW
  rules:${rules(9, allow)}${allow('web')}
`
