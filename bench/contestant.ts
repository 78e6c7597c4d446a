import type { TlsFiles } from './certificates.ts'

/** What is carried: requests of HTTP/1.1, requests of gRPC (HTTP/2 without TLS at both ends), or bytes. */
export type Wire = 'http' | 'grpc' | 'tcp'

/** The contestants; `direct` is the load straight on the backend. */
export type ContestantName =
  | 'direct'
  | 'outrigger'
  | 'haproxy-h2'
  | 'haproxy-h1'
  | 'haproxy-tcp'
  | 'nginx'
  | 'nginx-stream'
  | 'nghttpx'
  | 'envoy'
  | 'http2-proxy'

/** What a contestant needs. */
export interface Stage {
  /** For its files, its own. */
  readonly directory: string
  readonly wire: Wire
  readonly backendPort: number
  /** Takes OTLP/HTTP and forgets it: where sampled traces go. */
  readonly sinkPort: number
  /** Shared by its two proxies. */
  readonly core: number
  /** Of load, backend and whatever else is not a proxy. */
  readonly loadCore: number
  readonly tls: TlsFiles
}

/** Two proxies in two processes with mutual TLS between them, as two pods have them, ready to carry. */
export interface Pair {
  /** Where load goes in, without TLS, on loopback. */
  readonly frontPort: number
  /** Where the second proxy takes the first one's connections. */
  readonly meshPort: number
  /** The processes of each proxy, the caller's first; a proxy may be more than one process. */
  processes(): readonly (readonly number[])[]
  stop(): Promise<void>
}

/** A program that takes part. */
export interface ContestantKind {
  readonly name: ContestantName
  readonly title: string
  readonly wires: readonly Wire[]
  /** What is spoken inside the TLS between the two proxies. */
  readonly between: 'HTTP/2' | 'HTTP/1.1' | 'bytes'
  /** Whether it has the 20 authorization rules, of which ten refuse a DELETE. */
  readonly authorizes: boolean
  /** What the program says of itself; undefined where it is not installed. */
  version(): string | undefined
  start(stage: Stage): Promise<Pair>
}
