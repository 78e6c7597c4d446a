/** Manifests as people write them, for tests that only need some. */
export const serviceText = (name: string, port = 80): string => `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { ports: [{ port: ${port} }] }
`

export const routeText = (name: string, backend = name): string => `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ${name}, namespace: shop }
spec:
  parentRefs: [{ group: "", kind: Service, name: ${name} }]
  rules: [{ backendRefs: [{ name: ${backend}, port: 80 }] }]
`

export const MESH_CONFIG = `apiVersion: outrigger.dev/v1alpha1
kind: MeshConfig
metadata: { name: mesh }
spec: {}
`

/** Several documents of one file. */
export const documents = (...texts: readonly string[]): string => texts.join('---\n')
