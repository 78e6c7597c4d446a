import type { Protocol } from '../../sidecar/config/resources.ts'
import type { ServiceSpec } from '../policy/service.ts'

type ServicePort = ServiceSpec['ports'][number]

/** Ports where the server speaks first, or that are never HTTP: mail, databases, caches (Linkerd's list of opaque ports). */
const OPAQUE_PORTS = new Set([25, 587, 3306, 4444, 5432, 6379, 9300, 11211])

/** What an `appProtocol` means. TLS by the application is bytes to us. */
const BY_APP_PROTOCOL: Readonly<Record<NonNullable<ServicePort['appProtocol']>, Protocol>> = {
  http: 'http',
  'kubernetes.io/ws': 'http',
  http2: 'http2',
  'kubernetes.io/h2c': 'http2',
  grpc: 'grpc',
  tcp: 'tcp',
  https: 'tcp',
  tls: 'tcp',
  'kubernetes.io/wss': 'tcp',
}

/** What the first part of a port's name means (`grpc-admin`). */
const BY_NAME: ReadonlyMap<string, Protocol> = new Map([
  ['http', 'http'],
  ['http2', 'http2'],
  ['grpc', 'grpc'],
  ['tcp', 'tcp'],
  ['https', 'tcp'],
  ['tls', 'tcp'],
])

/** How a port of a Service speaks: its `appProtocol`, else its name, else `tcp` for the well-known ports of databases and mail, else as its connections say. */
export function toProtocol({ appProtocol, name, port }: ServicePort): Protocol {
  if (appProtocol !== undefined) return BY_APP_PROTOCOL[appProtocol]
  return BY_NAME.get(name?.split('-')[0] ?? '') ?? (OPAQUE_PORTS.has(port) ? 'tcp' : 'auto')
}
