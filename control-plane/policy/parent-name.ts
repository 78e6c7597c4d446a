import type { HTTPRouteManifest } from './manifest.ts'

export type ParentRef = HTTPRouteManifest['spec']['parentRefs'][number]

/** The service that a parent reference means, `namespace/name`. */
export const parentName = (ref: ParentRef, route: HTTPRouteManifest): string =>
  `${ref.namespace ?? route.metadata.namespace}/${ref.name}`
