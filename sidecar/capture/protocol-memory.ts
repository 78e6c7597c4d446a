/** What a connection turned out to be. `tcp`: the caller spoke first, neither HTTP nor TLS; `callee-first`: the callee did. */
export type ToldProtocol = 'http1' | 'http2' | 'tls' | 'tcp' | 'callee-first'

/** How long a caller may be silent before its callee is asked to speak, ms: by what the last connection to the port was. */
const SILENCE_MS: Readonly<Record<ToldProtocol, number>> = {
  http1: 1_000,
  http2: 1_000,
  tls: 1_000,
  tcp: 20,
  'callee-first': 0,
}
const FIRST_SILENCE_MS = 20

/** Remembers what ports speak that do not say it, so that the next connection waits for the right side. */
export class ProtocolMemory {
  readonly #last = new Map<string, ToldProtocol>()
  readonly #onTold: (port: string, protocol: ToldProtocol) => void

  /** @param onTold hears of each connection, once it is known what it is */
  constructor(onTold: (port: string, protocol: ToldProtocol) => void) {
    this.#onTold = onTold
  }

  /** See `SILENCE_MS`. `port` is the authority by which a listener names it: there are as many as listeners. */
  silenceMs(port: string): number {
    const last = this.#last.get(port)
    return last === undefined ? FIRST_SILENCE_MS : SILENCE_MS[last]
  }

  note(port: string, protocol: ToldProtocol): void {
    this.#last.set(port, protocol)
    this.#onTold(port, protocol)
  }
}
