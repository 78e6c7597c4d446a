import { err, ok, type Result } from '../../certs/result.ts'
import type { Registration } from './watch-protocol.ts'

/** A host and a port. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** A listener on which everything that arrives is for one service: `orders=127.0.0.1:9101`. */
export interface ExplicitUpstream {
  /** `namespace/name`. */
  readonly service: string
  /** The service's port; undefined where it has only one. */
  readonly port: number | undefined
  readonly listen: Address
}

/** A listener for callers without a sidecar: `0.0.0.0:9080=8080`. */
export interface PlainListener {
  readonly listen: Address
  /** The application's port. */
  readonly appPort: number
}

/** What a sidecar is told once, at its start; everything else comes from the control plane. */
export interface Bootstrap {
  /** `namespace/name` of the workload. */
  readonly workload: string
  readonly serviceAccount: string
  readonly trustDomain: string
  /** The control plane's port for sidecars; several are tried in turn. */
  readonly controlPlanes: readonly Address[]
  /** File with the join token; undefined where the state directory holds a certificate. */
  readonly joinTokenFile: string | undefined
  /** File with the roots (PEM) by which the control plane is recognized at first contact. */
  readonly bundleFile: string
  /** Holds the certificate, its key and the last good snapshot, mode 0700; best on memory-backed storage. */
  readonly stateDirectory: string
  readonly upstreams: readonly ExplicitUpstream[]
  /** Listener that finds the service by Host; undefined: none. */
  readonly outbound: Address | undefined
  /** What the application serves, and under which service names; the mesh link's own address is filled in when it listens. */
  readonly serves: readonly Omit<Registration, 'address' | 'meshPort'>[]
  /** Where the application is reached. */
  readonly appHost: string
  /** Listener of the mesh link; undefined: nothing is served. */
  readonly inbound: Address | undefined
  /** Listeners for callers without a sidecar, each for one port of the application. */
  readonly plain: readonly PlainListener[]
  /** Address that callers use for the mesh link, when it is not the one listened on. */
  readonly advertiseHost: string | undefined
  /** Admin port, loopback only. */
  readonly admin: Address
  /** `/metrics`, `/ready`, `/live`. */
  readonly probes: Address
  readonly drainDelayMs: number
  readonly drainTimeoutMs: number
  /** Traces of recent decisions kept in memory for the admin port. */
  readonly recentDecisionCount: number
}

const ADDRESS = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s]+)):(\d{1,5})$/

/** `127.0.0.1:9101`, `[::1]:9101` or `localhost:0`. The error is a sentence. */
export function parseAddress(text: string): Result<Address, string> {
  const match = ADDRESS.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65_535)
    return err(`"${text}" is not an address; wanted HOST:PORT, such as 127.0.0.1:9101 or [::1]:9101`)
  return ok({ host: match[1] ?? match[2] ?? '', port })
}

/** RFC 1123 label: the name of a namespace, a service, a workload. */
export const LABEL_NAME: RegExp = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

/** `orders` or `shop/orders` as `namespace/name`. */
export function parseServiceName(text: string, namespace: string): Result<string, string> {
  const parts = text.includes('/') ? text.split('/') : [namespace, text]
  if (parts.length !== 2 || !parts.every((part) => LABEL_NAME.test(part))) {
    return err(
      `"${text}" is not a service; wanted NAME or NAMESPACE/NAME in lower case letters, digits and "-", such as shop/orders`,
    )
  }
  return ok(parts.join('/'))
}

/** `shop/web`: the namespace is part of who a workload is, so none is assumed. */
export function parseWorkloadName(text: string): Result<string, string> {
  const name = parseServiceName(text, '')
  return name.ok ? name : err(`"${text}" is not a workload; wanted NAMESPACE/NAME, such as shop/web`)
}

/** `orders=127.0.0.1:9101`, `shop/orders:8080=127.0.0.1:9101`. */
export function parseUpstream(text: string, namespace: string): Result<ExplicitUpstream, string> {
  const at = text.indexOf('=')
  if (at < 0) return err(`"${text}" is not an upstream; wanted SERVICE[:PORT]=HOST:PORT, such as orders=127.0.0.1:9101`)
  const [name = '', portText] = text.slice(0, at).split(':')
  const service = parseServiceName(name, namespace)
  if (!service.ok) return service
  const listen = parseAddress(text.slice(at + 1))
  if (!listen.ok) return listen
  const port = portText === undefined ? undefined : Number(portText)
  if (port !== undefined && !(Number.isInteger(port) && port > 0 && port <= 65_535)) {
    return err(`"${portText}" in "${text}" is not a port; wanted a number from 1 to 65535`)
  }
  return ok({ service: service.value, port, listen: listen.value })
}
