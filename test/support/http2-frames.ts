import assert from 'node:assert/strict'
import { type Clock, systemClock } from '../../sidecar/core/clock.ts'
import type { MeshError } from '../../sidecar/core/mesh-errors.ts'
import { type Fields, NO_FIELDS, type RequestHead, type ResponseHead } from '../../sidecar/http/head.ts'
import type { RequestSink, ResponseSink, WireRefusal } from '../../sidecar/http/streams.ts'
import { Http2Connection } from '../../sidecar/http2/connection.ts'
import { CLIENT_PREFACE, ErrorCode, FrameType } from '../../sidecar/http2/frame/frame-type.ts'
import { OutputBuffer } from '../../sidecar/http2/frame/output-buffer.ts'
import { HpackEncoder } from '../../sidecar/http2/hpack/encoder.ts'
import type { Http2Owner } from '../../sidecar/http2/http2-owner.ts'
import { type Http2Settings, LINK_SETTINGS } from '../../sidecar/http2/http2-settings.ts'
import { http2Counters } from '../../sidecar/http2/stream/http2-counters.ts'
import type { ServerStream } from '../../sidecar/http2/stream/server-stream.ts'

/** A frame, taken apart. */
export interface Frame {
  readonly type: number
  readonly flags: number
  readonly streamId: number
  readonly payload: Buffer
}

/** The octets of a frame, right or wrong. */
export function frame(type: number, flags: number, streamId: number, payload: Buffer | string = ''): Buffer {
  const octets = typeof payload === 'string' ? Buffer.from(payload, 'hex') : payload
  const header = Buffer.alloc(9)
  header.writeUIntBE(octets.length, 0, 3)
  header[3] = type
  header[4] = flags
  header.writeUInt32BE(streamId, 5)
  return Buffer.concat([header, octets])
}

/** A block without the dynamic table. */
export function block(...fields: string[]): Buffer {
  const out = new OutputBuffer()
  new HpackEncoder(0).freshFields(out, fields)
  return out.take()
}

export const uint32 = (value: number): Buffer => {
  const octets = Buffer.alloc(4)
  octets.writeUInt32BE(value)
  return octets
}

export const END_STREAM = 1
export const END_HEADERS = 4
export const GET_BLOCK = block(':method', 'GET', ':scheme', 'http', ':authority', 'a', ':path', '/')
export const POST_BLOCK = block(':method', 'POST', ':scheme', 'http', ':authority', 'a', ':path', '/')

export const headers = (streamId: number, octets: Buffer, flags = END_HEADERS | END_STREAM): Buffer =>
  frame(FrameType.headers, flags, streamId, octets)
export const data = (streamId: number, body: string, flags = 0): Buffer =>
  frame(FrameType.data, flags, streamId, Buffer.from(body))
export const reset = (streamId: number, code: number): Buffer => frame(FrameType.resetStream, 0, streamId, uint32(code))
export const windowUpdate = (streamId: number, bytes: number): Buffer =>
  frame(FrameType.windowUpdate, 0, streamId, uint32(bytes))
export const settings = (...pairs: [number, number][]): Buffer =>
  frame(
    FrameType.settings,
    0,
    0,
    Buffer.concat(pairs.map(([id, value]) => Buffer.concat([Buffer.from([0, id]), uint32(value)]))),
  )
export const goAway = (lastStreamId: number, code: number): Buffer =>
  frame(FrameType.goAway, 0, 0, Buffer.concat([uint32(lastStreamId), uint32(code)]))

/** Takes octets apart into frames; they must be complete. */
export function framesOf(octets: Buffer): Frame[] {
  const frames: Frame[] = []
  for (let at = octets.indexOf(CLIENT_PREFACE) === 0 ? CLIENT_PREFACE.length : 0; at < octets.length; ) {
    const length = octets.readUIntBE(at, 3)
    assert(at + 9 + length <= octets.length, 'a frame is cut off')
    frames.push({
      type: octets[at + 3] ?? 0,
      flags: octets[at + 4] ?? 0,
      streamId: octets.readUInt32BE(at + 5),
      payload: octets.subarray(at + 9, at + 9 + length),
    })
    at += 9 + length
  }
  return frames
}

/** A frame in a few words: `GOAWAY 0 PROTOCOL_ERROR`. */
export function toWords(one: Frame): string {
  const type = Object.entries(FrameType).find(([, value]) => value === one.type)?.[0] ?? String(one.type)
  const codeAt = one.type === FrameType.goAway ? 4 : one.type === FrameType.resetStream ? 0 : -1
  const code =
    codeAt < 0 ? '' : Object.entries(ErrorCode).find(([, value]) => value === one.payload.readUInt32BE(codeAt))?.[0]
  return [type, one.streamId, ...(code === undefined || code === '' ? [] : [code])].join(' ')
}

/** Of a body so much is kept, however it is cut. */
const KEPT_BODY_BYTES = 1_000

/** One request as a server's sink saw it. */
export class SeenRequest implements RequestSink {
  readonly head: RequestHead
  readonly stream: ServerStream
  body = ''
  bodyBytes = 0
  isEnded: boolean
  trailers: Fields = NO_FIELDS
  errors: MeshError[] = []
  drains = 0
  onDrained: () => void = () => {}

  constructor(head: RequestHead, end: boolean, stream: ServerStream) {
    this.head = head
    this.stream = stream
    this.isEnded = end
  }
  onBody(chunk: Buffer): void {
    this.body += chunk.toString('latin1', 0, KEPT_BODY_BYTES - this.body.length)
    this.bodyBytes += chunk.length
  }
  onEnd(trailers: Fields): void {
    assert(!this.isEnded, 'one end')
    this.isEnded = true
    this.trailers = trailers
  }
  onAbort(error: MeshError): void {
    this.errors.push(error)
  }
  onDrain(): void {
    this.drains++
    this.onDrained()
  }
}

/** One response as a client's sink saw it. */
export class SeenResponse implements ResponseSink {
  head: ResponseHead | undefined
  body = ''
  bodyBytes = 0
  isEnded = false
  trailers: Fields = NO_FIELDS
  interims: number[] = []
  errors: MeshError[] = []
  drains = 0
  onDrained: () => void = () => {}

  onInterim(status: number): void {
    this.interims.push(status)
  }
  onResponseHead(head: ResponseHead, end: boolean): void {
    assert(this.head === undefined, 'one head')
    this.head = head
    this.isEnded = end
  }
  onResponseBody(chunk: Buffer): void {
    this.body += chunk.toString('latin1', 0, KEPT_BODY_BYTES - this.body.length)
    this.bodyBytes += chunk.length
  }
  onResponseEnd(trailers: Fields): void {
    assert(!this.isEnded, 'one end')
    this.isEnded = true
    this.trailers = trailers
  }
  onResponseError(error: MeshError): void {
    assert(!this.isEnded, 'no error after the end')
    this.errors.push(error)
  }
  onRequestDrain(): void {
    this.drains++
    this.onDrained()
  }
}

/** One end of a connection whose owner writes down what it hears. */
export class TestEnd implements Http2Owner {
  readonly connection: Http2Connection
  readonly requests: SeenRequest[] = []
  readonly counters = http2Counters()
  /** What a server does with a request, beside writing it down. */
  onSeen: (seen: SeenRequest) => void = () => {}
  outputs = 0
  pongs = 0
  capacities = 0
  goAways = 0
  drained = 0
  closed: MeshError[] = []
  refused: MeshError[] = []

  constructor(role: 'client' | 'server', change: Partial<Http2Settings> = {}, clock: Clock = systemClock) {
    const limits = { ...LINK_SETTINGS, ...change }
    this.connection = new Http2Connection({
      role,
      settings: limits,
      clock,
      owner: this,
      counters: this.counters,
      peerAddress: '127.0.0.1:1',
    })
  }
  onOutput(): void {
    this.outputs++
  }
  onRefused({ error }: WireRefusal): void {
    this.refused.push(error)
  }
  onRequest(head: RequestHead, end: boolean, stream: ServerStream): void {
    const seen = new SeenRequest(head, end, stream)
    stream.attach(seen)
    this.requests.push(seen)
    this.onSeen(seen)
  }
  onCapacity(): void {
    this.capacities++
  }
  onGoAway(): void {
    this.goAways++
  }
  onPong(): void {
    this.pongs++
  }
  onDrained(): void {
    this.drained++
  }
  onClosed(error: MeshError): void {
    this.closed.push(error)
  }

  /** The frames that wait, in words, without those of the start of every connection. */
  said(): string[] {
    return framesOf(this.connection.takeOutput())
      .map(toWords)
      .filter((words) => words !== 'settings 0')
  }
}

/** A server past the start: preface and settings are exchanged, its output is taken. */
export function startedServer(change: Partial<Http2Settings> = {}, clock: Clock = systemClock): TestEnd {
  const server = new TestEnd('server', change, clock)
  server.connection.receive(Buffer.concat([CLIENT_PREFACE, settings(), frame(FrameType.settings, 1, 0)]))
  server.connection.takeOutput()
  return server
}

/** A client past the start. */
export function startedClient(change: Partial<Http2Settings> = {}, clock: Clock = systemClock): TestEnd {
  const client = new TestEnd('client', change, clock)
  client.connection.receive(Buffer.concat([settings(), frame(FrameType.settings, 1, 0)]))
  client.connection.takeOutput()
  return client
}

/** Carries octets between two ends until neither has more to say. */
export function settle(one: TestEnd, other: TestEnd, turns = 1_000_000): void {
  for (let i = 0; i < turns; i++) {
    const there = one.connection.takeOutput()
    if (there.length > 0) other.connection.receive(there)
    const back = other.connection.takeOutput()
    if (back.length > 0) one.connection.receive(back)
    if (there.length === 0 && back.length === 0) return
  }
}

/** Two ends that know each other's settings. */
export function pair(
  clientSettings: Partial<Http2Settings> = {},
  serverSettings: Partial<Http2Settings> = {},
  clock: Clock = systemClock,
): { client: TestEnd; server: TestEnd } {
  const client = new TestEnd('client', clientSettings, clock)
  const server = new TestEnd('server', serverSettings, clock)
  settle(client, server)
  return { client, server }
}
