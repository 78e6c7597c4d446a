/** Facts about one error that the mesh itself can answer with. */
export interface ErrorFacts {
  /** Who caused it: the caller, the mesh's own rules, or the callee. */
  readonly origin: 'downstream' | 'mesh' | 'upstream'
  /** HTTP status of the local response. */
  readonly http: number
  /** gRPC status code of the local response (https://grpc.io/docs/guides/status-codes/). */
  readonly grpc: number
  /**
   * Whether another try can be safe: `never`; `if-idempotent` when the callee may have seen the request;
   * `unsent` when provably no callee processed any of it.
   */
  readonly retry: 'never' | 'if-idempotent' | 'unsent'
  /** The access log's flag. */
  readonly flag: string
  /** One sentence for a person: when this is the answer. */
  readonly when: string
}

// biome-ignore format: a table keeps its columns
/**
 * The one table of errors. The key is what callers read in `x-outrigger-error`.
 * `docs/errors.md` is compared with it by a test.
 */
export const MESH_ERRORS = {
  'bad-request':        { origin: 'downstream', http: 400, grpc: 13, retry: 'never',         flag: 'BR', when: 'the request breaks the protocol' },
  'denied':             { origin: 'mesh',       http: 403, grpc: 7,  retry: 'never',         flag: 'DN', when: 'an authorization policy, or the lack of an identity, refuses the caller' },
  'no-route':           { origin: 'mesh',       http: 404, grpc: 12, retry: 'never',         flag: 'NR', when: 'no service or route rule matches the request' },
  'request-timeout':    { origin: 'downstream', http: 408, grpc: 4,  retry: 'never',         flag: 'UT', when: 'the caller took too long to send its request' },
  'target-too-long':    { origin: 'downstream', http: 414, grpc: 8,  retry: 'never',         flag: 'TL', when: 'the request line is over the limit' },
  'expectation-failed': { origin: 'downstream', http: 417, grpc: 13, retry: 'never',         flag: 'BR', when: 'the Expect header asks for something other than 100-continue' },
  'headers-too-large':  { origin: 'downstream', http: 431, grpc: 8,  retry: 'never',         flag: 'TL', when: 'the header section is over the limit' },
  'cancelled':          { origin: 'downstream', http: 499, grpc: 1,  retry: 'never',         flag: 'DC', when: 'the caller went away before the response was complete' },
  'invalid-backend':    { origin: 'mesh',       http: 500, grpc: 13, retry: 'never',         flag: 'NR', when: 'the matched route names a backend that does not exist' },
  'not-implemented':    { origin: 'downstream', http: 501, grpc: 12, retry: 'never',         flag: 'BR', when: 'the request uses a transfer coding or feature this listener does not carry' },
  'reset':              { origin: 'upstream',   http: 502, grpc: 14, retry: 'if-idempotent', flag: 'UR', when: 'the upstream broke off before the response was complete' },
  'protocol-error':     { origin: 'upstream',   http: 502, grpc: 14, retry: 'never',         flag: 'UP', when: 'the upstream answered with something that is not valid HTTP' },
  'no-endpoints':       { origin: 'mesh',       http: 503, grpc: 14, retry: 'never',         flag: 'UH', when: 'the service has no usable endpoint' },
  'connect-failure':    { origin: 'upstream',   http: 503, grpc: 14, retry: 'unsent',        flag: 'UC', when: 'no connection to the endpoint could be made, or its identity was not the expected one' },
  'refused':            { origin: 'upstream',   http: 503, grpc: 14, retry: 'unsent',        flag: 'UR', when: 'the endpoint refused the stream before processing it (REFUSED_STREAM, GOAWAY)' },
  'circuit-open':       { origin: 'mesh',       http: 503, grpc: 14, retry: 'never',         flag: 'CO', when: 'a connection or request limit of the circuit breaker is reached' },
  'timeout':            { origin: 'upstream',   http: 504, grpc: 4,  retry: 'if-idempotent', flag: 'UT', when: 'the upstream did not answer within the timeout of the request or of one try' },
  'http-version':       { origin: 'downstream', http: 505, grpc: 12, retry: 'never',         flag: 'BR', when: 'the request line names an HTTP version that is not spoken here' },
  'loop':               { origin: 'mesh',       http: 508, grpc: 13, retry: 'never',         flag: 'NR', when: 'the request has passed through too many sidecars' },
} as const satisfies Record<string, ErrorFacts>

/** The code of an error that the mesh makes; the value of `x-outrigger-error`. */
export type MeshErrorCode = keyof typeof MESH_ERRORS

/** An error on the data path: a plain value, no stack. `detail` is a sentence for a person; `policy` names the manifest and rule that decided. */
export interface MeshError {
  readonly code: MeshErrorCode
  readonly detail: string
  readonly policy?: string
  readonly cause?: unknown
}

/** Builds an error value. */
export const meshError = (code: MeshErrorCode, detail: string, policy?: string): MeshError =>
  policy === undefined ? { code, detail } : { code, detail, policy }

/** The facts of an error. */
export const errorFacts = (code: MeshErrorCode): ErrorFacts => MESH_ERRORS[code]
