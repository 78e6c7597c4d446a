import { type MeshError, meshError } from '../core/mesh-errors.ts'
import { findField, withField, withoutField } from '../http/fields.ts'
import { type Fields, NO_FIELDS, type RequestHead, type ResponseHead, UNKNOWN_LENGTH } from '../http/head.ts'
import { localResponse, sendWhole } from '../http/local-response.ts'
import type { DownstreamStream, RequestSink, Wire } from '../http/streams.ts'
import { decodeGroups } from './base64-groups.ts'

/** `application/grpc-web`, `application/grpc-web-text`, each perhaps with `+proto`. */
const CONTENT_TYPE = /^application\/grpc-web(-text)?(\+[a-z0-9.-]+)?(?:[ \t]*;.*)?$/i
/** First octet of the frame that holds the trailers (gRPC-Web, "Message framing"). */
const TRAILERS_FLAG = 0x80

/** How a caller of gRPC-Web speaks. */
export interface GrpcWebForm {
  /** Frames are in base64, for browsers that read text only. */
  readonly isText: boolean
  /** `+proto`, or ''. */
  readonly suffix: string
}

/** How the request speaks gRPC-Web; undefined when it does not. */
export function grpcWebForm({ method, fields }: RequestHead): GrpcWebForm | undefined {
  if (method !== 'POST') return undefined
  const match = CONTENT_TYPE.exec(findField(fields, 'content-type') ?? '')
  return match === null ? undefined : { isText: match[1] !== undefined, suffix: match[2] ?? '' }
}

/** The request as a server of gRPC understands it. */
export function toGrpcHead(head: RequestHead, { isText, suffix }: GrpcWebForm): RequestHead {
  const fields = withField(withField(head.fields, 'content-type', `application/grpc${suffix}`), 'te', 'trailers')
  return isText
    ? { ...head, fields: withoutField(fields, 'content-length'), bodyLength: UNKNOWN_LENGTH }
    : { ...head, fields }
}

/**
 * A caller of gRPC-Web before a server of gRPC (gRPC's PROTOCOL-WEB): frames are the same; trailers, which browsers cannot
 * read, travel as a last frame of the body; all of it in base64 where the caller asked so. Stands between the caller's
 * stream and the exchange.
 */
export class GrpcWebStream implements DownstreamStream, RequestSink {
  readonly protocol: Wire
  readonly peerAddress: string
  readonly #caller: DownstreamStream
  readonly #form: GrpcWebForm
  readonly #contentType: string
  #sink: RequestSink | undefined
  /** Base64 that came and is less than a group. */
  #rest = ''
  #isAnswered = false
  #isDead = false

  constructor(caller: DownstreamStream, form: GrpcWebForm) {
    this.#caller = caller
    this.#form = form
    this.#contentType = `application/grpc-web${form.isText ? '-text' : ''}${form.suffix}`
    this.protocol = caller.protocol
    this.peerAddress = caller.peerAddress
  }

  // ---- the caller's stream, as the exchange has it ----

  attach(sink: RequestSink): void {
    this.#sink = sink
    this.#caller.attach(this)
  }

  takesAnswer(): boolean {
    return this.#caller.takesAnswer()
  }

  sendInterim(status: number, fields: Fields): void {
    this.#caller.sendInterim(status, fields)
  }

  sendHead(head: ResponseHead, end: boolean): void {
    this.#isAnswered = true
    const said = findField(head.fields, 'content-type')
    if (said?.startsWith('application/grpc') !== true) return this.#caller.sendHead(head, end) // no answer of gRPC
    const fields = withoutField(withField(head.fields, 'content-type', this.#contentType), 'content-length')
    this.#caller.sendHead({ status: head.status, fields, bodyLength: end ? 0 : UNKNOWN_LENGTH }, end)
  }

  sendBody(chunk: Buffer): boolean {
    return this.#caller.sendBody(this.#form.isText ? Buffer.from(chunk.toString('base64'), 'latin1') : chunk)
  }

  sendEnd(trailers: Fields): void {
    if (trailers.length > 0) this.sendBody(trailersFrame(trailers))
    this.#caller.sendEnd(NO_FIELDS)
  }

  reset(error: MeshError): void {
    this.#caller.reset(error)
  }

  pause(): void {
    this.#caller.pause()
  }

  resume(): void {
    this.#caller.resume()
  }

  // ---- the exchange, as the caller's stream has it ----

  onBody(chunk: Buffer): void {
    if (this.#isDead) return
    if (!this.#form.isText) return this.#sink?.onBody(chunk)
    const text = this.#rest + chunk.toString('latin1')
    const whole = text.length - (text.length % 4)
    this.#rest = text.slice(whole)
    const octets = decodeGroups(text.slice(0, whole))
    if (octets === undefined) return this.#refuse()
    if (octets.length > 0) this.#sink?.onBody(octets)
  }

  onEnd(_trailers: Fields): void {
    if (this.#isDead) return
    if (this.#rest !== '') return this.#refuse()
    this.#sink?.onEnd(NO_FIELDS)
  }

  onAbort(error: MeshError): void {
    if (!this.#isDead) this.#sink?.onAbort(error)
  }

  onDrain(): void {
    if (!this.#isDead) this.#sink?.onDrain()
  }

  /** A body that is no base64 can't be passed on as if it had ended. */
  #refuse(): void {
    this.#isDead = true
    const error = meshError('bad-request', 'the body of a request in application/grpc-web-text is no base64')
    this.#sink?.onAbort(error)
    if (this.#isAnswered) return this.#caller.reset(error)
    sendWhole(this.#caller, 'POST', localResponse(error, ['content-type', this.#contentType]))
  }
}

/** `name:value` in lines, as in HTTP/1, behind flag and length. */
function trailersFrame(trailers: Fields): Buffer {
  let text = ''
  for (let i = 0; i < trailers.length; i += 2) text += `${trailers[i]}:${trailers[i + 1]}\r\n`
  const frame = Buffer.alloc(5 + text.length)
  frame[0] = TRAILERS_FLAG
  frame.writeUInt32BE(text.length, 1)
  frame.write(text, 5, 'latin1')
  return frame
}
