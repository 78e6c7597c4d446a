import { type Http2Session, performServerHandshake, type ServerHttp2Stream, sensitiveHeaders } from 'node:http2'
import { type Duplex, duplexPair } from 'node:stream'
import type { Fields } from '../../../sidecar/http/head.ts'
import { CLIENT_PREFACE, FrameType } from '../../../sidecar/http2/frame/frame-type.ts'
import { OutputBuffer } from '../../../sidecar/http2/frame/output-buffer.ts'
import { HpackDecoder } from '../../../sidecar/http2/hpack/decoder.ts'
import { HpackEncoder } from '../../../sidecar/http2/hpack/encoder.ts'
import type { HeaderBlock } from '../../../sidecar/http2/hpack/header-block.ts'
import { type Frame, frame, settings, windowUpdate } from '../../support/http2-frames.ts'

const HEADER_TABLE_SIZE = 1
const ACK = 1
const END_STREAM = 1
const END_HEADERS = 4
const FRAME_BYTES = 16_384
const LIMITS = { listBytes: 65_536, fieldCount: 128 }

/** A request as node:http2 decoded it. */
export interface NodeSaw {
  readonly fields: Fields
  /** Names that came as "never indexed". */
  readonly secrets: readonly string[]
}

/** The types of Node know the object only; lists, which keep order and repetition, are taken since 24. */
type RespondWithList = (fields: readonly string[], options: { endStream: true; sendDate: false }) => void

/** One connection: our HPACK on one end, that of node:http2 on the other, both with dynamic tables that change their size. */
export class NodePeer implements Disposable {
  readonly #session: Http2Session
  readonly #wire: Duplex
  readonly #encoder = new HpackEncoder(4_096)
  readonly #decoder: HpackDecoder
  #octets: Buffer = Buffer.alloc(0)
  /** The header block that is being collected. */
  #fragments: Buffer[] = []
  #nextStreamId = 1
  #answerWith: (path: string) => Fields = () => []
  #onRequest: (path: string, saw: NodeSaw) => void = () => {}
  #onResponse: (streamId: number, block: HeaderBlock) => void = () => {}
  readonly #failed = Promise.withResolvers<never>()

  /** `tableBytes`: what we allow node's encoder, at most 4,096 of which it uses; `nodeTableBytes`: what node allows ours. */
  constructor(tableBytes: number, nodeTableBytes: number) {
    const [wire, end] = duplexPair()
    this.#wire = wire
    this.#decoder = new HpackDecoder(tableBytes, LIMITS)
    this.#failed.promise.catch(() => undefined)
    this.#session = performServerHandshake(end, {
      settings: { headerTableSize: nodeTableBytes, maxConcurrentStreams: 1_000 },
      strictSingleValueFields: false,
    })
    this.#session.on('error', (error) => this.#failed.reject(error))
    this.#session.on('stream', (stream, headers, _flags, raw) => {
      this.#onStream(stream as ServerHttp2Stream, raw, Reflect.get(headers, sensitiveHeaders) as string[])
    })
    wire.on('data', (chunk: Buffer) => this.#take(chunk))
    wire.write(Buffer.concat([CLIENT_PREFACE, settings([HEADER_TABLE_SIZE, tableBytes]), windowUpdate(0, 2 ** 30)]))
  }

  /** Lets node's table, then ours, have another size from now on. Resolves when both ends know. */
  async resize(tableBytes: number, nodeTableBytes: number): Promise<void> {
    this.#wire.write(settings([HEADER_TABLE_SIZE, tableBytes]))
    await this.#orFailure(
      new Promise<void>((resolve) => this.#session.settings({ headerTableSize: nodeTableBytes }, () => resolve())),
    )
  }

  /** Sends requests, the path of each telling which it is, and has each answered. All of both, in order. */
  async exchange(
    requests: readonly Fields[],
    responses: readonly Fields[],
  ): Promise<{ requests: readonly NodeSaw[]; responses: readonly HeaderBlock[] }> {
    const saw: NodeSaw[] = []
    const blocks: HeaderBlock[] = []
    const firstId = this.#nextStreamId
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#answerWith = (path) => responses[Number(path.slice(1))] ?? []
    this.#onRequest = (path, request) => {
      saw[Number(path.slice(1))] = request
    }
    let left = requests.length
    this.#onResponse = (streamId, block) => {
      blocks[(streamId - firstId) / 2] = block
      if (--left === 0) resolve()
    }
    for (const [i, fields] of requests.entries()) this.#send(`/${i}`, fields)
    await this.#orFailure(promise)
    return { requests: saw, responses: blocks }
  }

  [Symbol.dispose](): void {
    this.#session.destroy()
    this.#wire.destroy()
  }

  #orFailure<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#failed.promise])
  }

  #send(path: string, fields: Fields): void {
    const out = new OutputBuffer()
    this.#encoder.begin(out)
    this.#encoder.freshFields(out, [':method', 'GET', ':scheme', 'http', ':authority', 'node', ':path', path])
    this.#encoder.fields(out, fields)
    const block = out.take()
    const id = this.#nextStreamId
    this.#nextStreamId += 2
    for (let at = 0; at === 0 || at < block.length; at += FRAME_BYTES) {
      const isLast = at + FRAME_BYTES >= block.length
      const flags = (at === 0 ? END_STREAM : 0) | (isLast ? END_HEADERS : 0)
      const type = at === 0 ? FrameType.headers : FrameType.continuation
      this.#wire.write(frame(type, flags, id, block.subarray(at, at + FRAME_BYTES)))
    }
  }

  #onStream(stream: ServerHttp2Stream, raw: readonly string[], secrets: readonly string[]): void {
    stream.on('error', (error) => this.#failed.reject(error))
    const path = raw[raw.indexOf(':path') + 1] ?? ''
    this.#onRequest(path, { fields: raw.slice(8), secrets })
    const respond = stream.respond.bind(stream) as unknown as RespondWithList
    respond([':status', '200', ...this.#answerWith(path)], { endStream: true, sendDate: false })
  }

  #take(chunk: Buffer): void {
    this.#octets = Buffer.concat([this.#octets, chunk])
    for (;;) {
      if (this.#octets.length < 9) return
      const end = 9 + this.#octets.readUIntBE(0, 3)
      if (this.#octets.length < end) return
      const [type, flags, streamId] = [
        this.#octets.readUInt8(3),
        this.#octets.readUInt8(4),
        this.#octets.readUInt32BE(5),
      ]
      const payload = this.#octets.subarray(9, end)
      this.#octets = this.#octets.subarray(end)
      this.#onFrame({ type, flags, streamId, payload })
    }
  }

  #onFrame({ type, flags, streamId, payload }: Frame): void {
    if (type === FrameType.settings && (flags & ACK) === 0) this.#onSettings(payload)
    if (type === FrameType.goAway || type === FrameType.resetStream) {
      this.#failed.reject(new Error(`node:http2 refused a block on stream ${streamId}: ${payload.toString('hex')}`))
    }
    if (type !== FrameType.headers && type !== FrameType.continuation) return
    this.#fragments.push(payload)
    if ((flags & END_HEADERS) === 0) return
    const octets = Buffer.concat(this.#fragments)
    this.#fragments = []
    const block = this.#decoder.decode(octets, 0, octets.length)
    if (typeof block === 'string') this.#failed.reject(new Error(`our decoder: ${block}: ${octets.toString('hex')}`))
    else this.#onResponse(streamId, block)
  }

  #onSettings(payload: Buffer): void {
    for (let at = 0; at < payload.length; at += 6) {
      if (payload.readUInt16BE(at) === HEADER_TABLE_SIZE) this.#encoder.allowTable(payload.readUInt32BE(at + 2))
    }
    this.#wire.write(frame(FrameType.settings, ACK, 0))
  }
}
