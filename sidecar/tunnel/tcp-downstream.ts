import type { Socket } from 'node:net'
import { isHttpAtEnd } from '../connection/spoken.ts'
import { type MeshError, meshError } from '../core/mesh-errors.ts'
import { NO_FIELDS, type RequestHead, type ResponseHead, UNKNOWN_LENGTH } from '../http/head.ts'
import type { DownstreamStream, RequestSink } from '../http/streams.ts'
import { TcpEnd } from './tcp-end.ts'

/** The head that stands for a connection to `authority`: a CONNECT, so that it travels, and is decided, as a request does. */
export const connectHead = (authority: string): RequestHead => ({
  method: 'CONNECT',
  scheme: 'http',
  authority,
  path: authority,
  fields: NO_FIELDS,
  bodyLength: UNKNOWN_LENGTH,
  upgrade: undefined,
  expectsContinue: false,
})

/** Who opened a tunnel for a caller that has said nothing, and may yet turn out to speak HTTP. */
export interface Doubt {
  /** The caller spoke; `octets` is all of it so far. Ends in `believe`, in `giveBack`, or is asked again with more. */
  heard(octets: Buffer): void
  /** It is a tunnel: the callee spoke first (`isSpoken`), or either side ended before anybody spoke. */
  settled(isSpoken: boolean): void
  /** The tunnel was refused or broke before: the socket is given back, with what the caller said. */
  refused(octets: Buffer | undefined): void
}

/** What is known of a connection before its tunnel begins. */
export interface TcpBeginning {
  /** What was read of it already. */
  readonly octets?: Buffer
  /** Its caller has ended its side. */
  readonly isEnded?: boolean
  readonly doubt?: Doubt
}

/** The caller's side of a tunnel: a connection that was accepted. Reading begins at once; whether the callee or the caller speaks first is theirs. */
export class TcpDownstream extends TcpEnd implements DownstreamStream {
  readonly protocol = 'tcp'
  readonly peerAddress: string
  #sink: RequestSink | undefined
  readonly #onClosed: () => void
  readonly #isEnded: boolean
  #doubt: Doubt | undefined
  /** What the caller said and nobody has heard yet. */
  #early: Buffer | undefined
  #isGranted = false
  /** The caller ended before: a CONNECT that is over with its head would be no tunnel, and its callee never hear of the end. */
  #endsWhenGranted = false

  constructor(socket: Socket, onClosed: () => void, { octets, isEnded = false, doubt }: TcpBeginning = {}) {
    super(socket)
    this.peerAddress = `${socket.remoteAddress ?? ''}:${socket.remotePort ?? 0}`
    this.#onClosed = onClosed
    this.#early = octets
    this.#isEnded = isEnded
    this.#doubt = doubt
  }

  /** One connection has one answer at a time. */
  takesAnswer(): boolean {
    return true
  }

  attach(sink: RequestSink): void {
    this.#sink = sink
    this.resume() // first: what is delivered may be too much for now
    if (this.#doubt === undefined) this.#deliver()
    if (this.#isEnded) this.endInput()
  }

  /** It is a tunnel: what the caller said goes through it. */
  believe(): void {
    this.#doubt = undefined
    this.#deliver()
  }

  /** It is none: the tunnel is given up, and the socket is the asker's. */
  giveBack(): void {
    this.leave()
    this.#sink?.onAbort(meshError('cancelled', 'the caller speaks HTTP: it needs no tunnel'))
  }

  sendInterim(): void {
    // TCP has no word for it.
  }

  /** A connection has no head: one that is not granted is reset. */
  sendHead(head: ResponseHead): void {
    if (head.status < 200 || head.status > 299) return this.#refuse()
    this.#isGranted = true
    if (this.#endsWhenGranted) this.#sink?.onEnd(NO_FIELDS)
  }

  override sendBody(chunk: Buffer): boolean {
    this.#settle(true)
    return super.sendBody(chunk)
  }

  override sendEnd(): void {
    this.#settle(false)
    super.sendEnd(NO_FIELDS)
  }

  reset(_error: MeshError): void {
    this.#refuse()
  }

  /** A tunnel in flight is never idle; a drain waits for its end. */
  get isIdle(): boolean {
    return this.#doubt !== undefined
  }

  drain(): void {}

  /** Breaks off, and tells the exchange. */
  destroy(): void {
    this.socket.destroy()
  }

  protected onOctets(chunk: Buffer): void {
    if (this.#doubt === undefined) return this.#sink?.onBody(chunk)
    this.#early = this.#early === undefined ? Buffer.from(chunk) : Buffer.concat([this.#early, chunk])
    this.#doubt.heard(this.#early)
  }

  protected onInputEnd(): void {
    if (this.#doubt !== undefined && this.#early !== undefined && isHttpAtEnd(this.#early)) return this.destroy()
    this.#settle(false)
    if (this.#isGranted) this.#sink?.onEnd(NO_FIELDS)
    else this.#endsWhenGranted = true
  }

  protected onRoom(): void {
    this.#sink?.onDrain()
  }

  protected onBroken(reason: string): void {
    this.#sink?.onAbort(meshError('cancelled', `the caller's connection broke (${reason})`))
  }

  protected override onClosed(): void {
    this.#onClosed()
  }

  #settle(isSpoken: boolean): void {
    const doubt = this.#doubt
    if (doubt === undefined) return
    this.believe()
    doubt.settled(isSpoken)
  }

  #deliver(): void {
    const early = this.#early
    this.#early = undefined
    if (early !== undefined) this.#sink?.onBody(early)
  }

  #refuse(): void {
    const doubt = this.#doubt
    if (doubt === undefined) return this.breakOff()
    this.#doubt = undefined
    this.leave()
    doubt.refused(this.#early)
  }
}
