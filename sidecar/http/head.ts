/**
 * Header fields in the order received: `[name, value, name, value, …]`. Names are lower case. A list is never changed
 * after it was handed over, so that codecs may share and cache it; an edit makes a new one.
 * A flat list, because it is one allocation and the fastest to walk; see `http/fields.ts` for reading it.
 */
export type Fields = readonly string[]

/** No fields: shared. */
export const NO_FIELDS: Fields = []

/** The length of a body whose end is told by framing, not by a number. */
export const UNKNOWN_LENGTH = -1

/**
 * The head of a request, the same whatever wire it came on. Hop-by-hop fields (RFC 9110 §7.6.1), `host` and HTTP/2's
 * pseudo-fields are not in `fields`; `content-length` is, when it was sent. `transfer-encoding` never is.
 */
export interface RequestHead {
  /** As sent: case matters (RFC 9110 §9.1). */
  readonly method: string
  readonly scheme: 'http' | 'https'
  /** Host and port from the target, `:authority` or `Host`, lower case; '' when HTTP/1.0 sent none. */
  readonly authority: string
  /** Origin-form target with its query, or `*`, or authority-form for CONNECT. */
  readonly path: string
  readonly fields: Fields
  /** Octets of the body: 0 when there is none, `UNKNOWN_LENGTH` when only framing tells. */
  readonly bodyLength: number
  /** The protocol asked for by `Upgrade`, lower case, when the connection nominated it; only `websocket` passes. */
  readonly upgrade: string | undefined
  /** `Expect: 100-continue` was sent. */
  readonly expectsContinue: boolean
}

/** Whether what follows the head is not a body, but the octets of a tunnel, if it is granted. */
export const asksForTunnel = ({ method, upgrade }: RequestHead): boolean =>
  method === 'CONNECT' || upgrade !== undefined

/** The head of a final or interim response. The same rules for `fields` as in a request. */
export interface ResponseHead {
  /** 100–599. */
  readonly status: number
  readonly fields: Fields
  /** As in a request; for a response to HEAD, 204 and 304 it is 0 whatever `content-length` says. */
  readonly bodyLength: number
}
