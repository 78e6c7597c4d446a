/** A request as one side of the mesh knows it. */
export interface SeenRequest {
  readonly method: string
  /** Path without query. */
  readonly path: string
  /** Octets of the body, framing taken off; undefined when it did not come whole, or nobody read it. */
  readonly bodyBytes: number | undefined
}

/** `GET /outer-7 0`, what is shown; `…` stands for a body that is not known whole. */
export const showRequest = ({ method, path, bodyBytes }: SeenRequest): string => `${method} ${path} ${bodyBytes ?? '…'}`

/** Method and path of a request line as the sidecar writes it; undefined for all else. */
export function readRequestLine(line: string): { readonly method: string; readonly path: string } | undefined {
  const match = /^([^ ]+) (\/[^ ?]*|\*)(?:\?[^ ]*)? HTTP\/1\.1$/.exec(line)
  return match === null ? undefined : { method: match[1] ?? '', path: match[2] ?? '' }
}
