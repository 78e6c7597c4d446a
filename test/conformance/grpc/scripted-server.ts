import type { Socket } from 'node:net'
import { type Frame, frame, goAway, reset, settings, windowUpdate } from '../../support/http2-frames.ts'
import { ACK, data, END_HEADERS, END_STREAM, headers, literals, PADDED, ping } from '../h2spec/octets.ts'
import { type Heard, WirePeer } from '../h2spec/wire-peer.ts'
import { TestService } from './interop-service.ts'

const [DATA, HEADERS, RESET, SETTINGS, PING, WINDOW_UPDATE] = [0, 1, 3, 4, 6, 8]
const INITIAL_WINDOW = 4
const MAX_STREAMS = 3
const REFUSED_STREAM = 7
const WIDE = 2 ** 30

/** What a server does with the request on `streamId`, which is complete. */
export type Behaviour = (connection: ScriptedConnection, streamId: number) => Promise<void> | void

/** One connection of HTTP/2 to a server of gRPC that says what a script wants said. */
export class ScriptedConnection {
  readonly #peer: WirePeer
  /** Streams over the limit, opened by a client that knew it. */
  overLimitCount = 0
  readonly #open = new Set<number>()
  readonly #maxStreams: number
  #areSettingsKnown = false
  /** Answers to PING. */
  pongs: string[] = []
  #windowBytes = 65_535
  readonly #streamWindows = new Map<number, number>()
  #onChange: () => void = () => {}

  constructor(socket: Socket, behaviour: Behaviour, maxStreams: number | undefined) {
    this.#peer = new WirePeer(socket, 'server')
    this.#maxStreams = maxStreams ?? Number.POSITIVE_INFINITY
    const limit: [number, number][] = maxStreams === undefined ? [] : [[MAX_STREAMS, maxStreams]]
    this.#peer.send(settings([INITIAL_WINDOW, WIDE], ...limit), windowUpdate(0, WIDE))
    void this.#read(behaviour)
  }

  head(streamId: number): void {
    this.#peer.send(headers(streamId, literals(':status', '200', 'content-type', 'application/grpc'), END_HEADERS))
  }

  /** As much of `octets` as a frame may hold, within the windows. */
  async body(streamId: number, octets: Buffer, frameBytes = 16_384, paddingBytes?: number): Promise<void> {
    for (let at = 0; at < octets.length; at += frameBytes) {
      const piece = octets.subarray(at, at + frameBytes)
      const payload =
        paddingBytes === undefined
          ? piece
          : Buffer.concat([Buffer.from([paddingBytes]), piece, Buffer.alloc(paddingBytes)])
      await this.#window(streamId, payload.length)
      this.#peer.send(data(streamId, payload, paddingBytes === undefined ? 0 : PADDED))
    }
  }

  trailers(streamId: number): void {
    this.#open.delete(streamId)
    this.#peer.send(headers(streamId, literals('grpc-status', '0'), END_HEADERS | END_STREAM))
  }

  reset(streamId: number, code = 0): void {
    this.#open.delete(streamId)
    this.#peer.send(reset(streamId, code))
  }

  goAway(lastStreamId: number): void {
    this.#peer.send(goAway(lastStreamId, 0))
  }

  /** Resolves when the client has answered. */
  async ping(opaque: string): Promise<void> {
    this.#peer.send(ping(opaque))
    while (!this.pongs.includes(opaque)) await this.#change()
  }

  /** Waits until both windows take so many octets, and takes them. */
  async #window(streamId: number, bytes: number): Promise<void> {
    const left = (): number => this.#streamWindows.get(streamId) ?? this.#peer.announced.get(INITIAL_WINDOW) ?? 65_535
    while (left() < bytes || this.#windowBytes < bytes) await this.#change()
    this.#streamWindows.set(streamId, left() - bytes)
    this.#windowBytes -= bytes
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#onChange = resolve
    })
  }

  async #read(behaviour: Behaviour): Promise<void> {
    for (let heard: Heard = await this.#next(); heard !== 'closed'; heard = await this.#next()) {
      this.#take(heard)
      this.#onChange()
      const endsRequest = (heard.type === DATA || heard.type === HEADERS) && (heard.flags & END_STREAM) !== 0
      if (endsRequest && this.#open.has(heard.streamId)) void behaviour(this, heard.streamId)
    }
  }

  /** A connection may rest for as long as it likes. */
  async #next(): Promise<Heard> {
    return this.#peer.next().catch(() => 'closed')
  }

  /** RFC 9113 §5.1.2: who does not know the limit yet is refused over it, and may try again. */
  #begin(streamId: number): void {
    this.#open.add(streamId)
    if (this.#open.size <= this.#maxStreams) return
    if (this.#areSettingsKnown) this.overLimitCount++
    this.reset(streamId, REFUSED_STREAM)
  }

  #take({ type, flags, streamId, payload }: Frame): void {
    if (type === SETTINGS && (flags & ACK) === 0) this.#peer.send(frame(SETTINGS, ACK, 0))
    else if (type === SETTINGS) this.#areSettingsKnown = true
    if (type === HEADERS) this.#begin(streamId)
    if (type === PING && (flags & ACK) !== 0) this.pongs.push(payload.toString('latin1').replaceAll('\0', ''))
    if (type === RESET) this.#open.delete(streamId)
    if (type !== WINDOW_UPDATE) return
    const bytes = payload.readUInt32BE(0)
    if (streamId === 0) this.#windowBytes += bytes
    else {
      const before = this.#streamWindows.get(streamId) ?? this.#peer.announced.get(INITIAL_WINDOW) ?? 65_535
      this.#streamWindows.set(streamId, before + bytes)
    }
  }
}

/** A message of gRPC with a response of so many octets. */
export function responseMessage(bytes: number): Buffer {
  const message: Buffer = TestService.service.UnaryCall.responseSerialize({ payload: { body: Buffer.alloc(bytes) } })
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}
