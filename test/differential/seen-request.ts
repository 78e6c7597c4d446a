/** A request as one side of the mesh knows it. */
export interface SeenRequest {
  readonly method: string
  /** Path without query. */
  readonly path: string
  /** Octets of the body, framing taken off; undefined when it did not come whole. */
  readonly bodyBytes: number | undefined
}

/** `GET /outer-7 0`, what is compared and shown; `…` stands for a body that broke off. */
export const showRequest = ({ method, path, bodyBytes }: SeenRequest): string => `${method} ${path} ${bodyBytes ?? '…'}`
