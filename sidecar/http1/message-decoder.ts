import assert from 'node:assert/strict'
import { byteAt } from '../core/byte-at.ts'
import { ByteQueue } from '../core/byte-queue.ts'
import { LIMITS } from '../core/limits.ts'
import { type MeshError, type MeshErrorCode, meshError } from '../core/mesh-errors.ts'
import { type Fields, NO_FIELDS } from '../http/head.ts'
import { cleanTrailers } from '../http/header-rules.ts'
import { BodyDecoder } from './body-decoder.ts'
import { HeadScanner, NEED_MORE, VIOLATION } from './head-scanner.ts'
import type { Http1Limit } from './http1-counters.ts'
import type { HeadLine } from './line-set.ts'

/**
 * One step of a decoder. 'head': a head is complete; 'body': a piece of the body; 'end': the message is complete, with its
 * trailers; 'violation': the peer broke the protocol, and nothing more comes. Words, so that a step allocates nothing.
 */
export type MessageStep = 'need-more' | 'interim' | 'head' | 'body' | 'end' | 'violation'

const CR = 0x0d
const LF = 0x0a
const EMPTY: Buffer = Buffer.alloc(0)
/** Trailers are rare: one scanner for all connections. */
const trailerScanner = new HeadScanner()

/**
 * What decoding requests and responses have in common: the input, and the body. Pulled: `push` octets, call `next` until
 * 'need-more', then `retain` before the octets' owner takes them back.
 */
export abstract class MessageDecoder {
  /** After 'body': a *view* of the piece, valid until `push` or `retain`. */
  body: Buffer = EMPTY
  /** After 'end'. */
  trailers: Fields = NO_FIELDS
  /** After 'violation'. */
  error: MeshError | undefined
  /** After 'violation': what it is counted by. */
  limit: Http1Limit = 'malformedHead'

  protected input: Buffer = EMPTY
  protected at = 0
  protected to = 0
  protected readonly bodyDecoder: BodyDecoder = new BodyDecoder()
  protected state: 'head' | 'body' | 'trailers' | 'raw' | 'dead' = 'head'
  /** Whether octets stand before `at` was reached that begin a head that is not complete. */
  #isHeadPartial = false
  /** Octets of the incomplete head, from `at`, that were searched for its end. */
  #searchedBytes = 0
  readonly #held = new ByteQueue()
  /** What a violation on this side is called. */
  readonly #violationCode: MeshErrorCode

  constructor(violationCode: MeshErrorCode) {
    this.#violationCode = violationCode
  }

  /** Octets that were pushed and not yet read. */
  get unreadBytes(): number {
    return this.to - this.at
  }

  /** Whether the peer has begun a head and not ended it. */
  get isHeadPartial(): boolean {
    return this.#isHeadPartial
  }

  /** Whether the next octet begins a message. */
  get isBetweenMessages(): boolean {
    return this.state === 'head' && this.at === this.to
  }

  /** Gives the first `length` octets of `chunk` to read. They are borrowed until `retain`; what was retained is read before them. */
  push(chunk: Buffer, length: number = chunk.length): void {
    if (this.#held.length > 0) {
      this.#held.append(length === chunk.length ? chunk : chunk.subarray(0, length))
      this.input = this.#held.view()
      this.to = this.input.length
    } else {
      assert(this.at === this.to, 'what was pushed before is read or retained')
      this.input = chunk
      this.to = length
    }
    this.at = 0
  }

  /** Copies what is unread, so that the owner of the pushed octets may take them back. Free when all is read. */
  retain(): void {
    const held = this.#held
    if (held.length > 0) {
      held.consume(this.at)
      this.input = held.view()
    } else if (this.at < this.to) {
      held.append(this.input.subarray(this.at, this.to))
      this.input = held.view()
    } else this.input = EMPTY
    this.at = 0
    this.to = this.input.length
  }

  /** Everything unread, as it is: a *view*. For what follows an upgrade. */
  takeRaw(): Buffer {
    const raw = this.input.subarray(this.at, this.to)
    this.at = this.to
    return raw
  }

  /** The next step. After 'violation' always 'violation'. */
  next(): MessageStep {
    switch (this.state) {
      case 'head':
        return this.nextHead()
      case 'body':
        return this.#nextBody()
      case 'trailers':
        return this.#nextTrailers()
      case 'raw':
        if (this.at === this.to) return 'need-more'
        this.body = this.takeRaw()
        return 'body'
      case 'dead':
        return 'violation'
    }
  }

  protected abstract nextHead(): MessageStep

  /**
   * Whether a head may be complete, so that scanning it from its beginning is not repeated for each octet of a slow sender.
   * 'violation' for a line end without CR and for a head that is too long, before its end is seen.
   */
  protected mayScanHead(): 'yes' | 'no' | 'violation' {
    if (!this.#isHeadPartial) return 'yes'
    const { input, at, to } = this
    let isComplete = false
    let i = at + this.#searchedBytes
    for (; i < to; i++) {
      if (byteAt(input, i) !== LF) {
        if (i === at || input[i - 1] !== CR) continue
        this.refuse('malformedHead', 'a CR without LF')
        return 'violation'
      }
      if (i === at || input[i - 1] !== CR) {
        this.refuse('malformedHead', 'a line ends in LF without CR')
        return 'violation'
      }
      if (i - at >= 3 && input[i - 2] === LF) {
        isComplete = true
        break
      }
      if (i - at === 1) isComplete = true // an empty trailer section
    }
    this.#searchedBytes = i - at
    if (isComplete) return 'yes'
    return this.#isTooLong() ? 'violation' : 'no'
  }

  /** Remembers that the head at `at` is not complete. */
  protected headIsPartial(): MessageStep {
    if (!this.#isHeadPartial) {
      this.#isHeadPartial = true
      this.#searchedBytes = 0
      const may = this.mayScanHead()
      if (may === 'violation') return 'violation'
    }
    return 'need-more'
  }

  protected headIsComplete(next: number): void {
    this.#isHeadPartial = false
    this.at = next
  }

  protected refuse(limit: Http1Limit, detail: string, code: MeshErrorCode = 'bad-request'): MessageStep {
    const isOwnSide = this.#violationCode === 'bad-request'
    const error = isOwnSide
      ? meshError(code, detail)
      : meshError(this.#violationCode, `The upstream's message: ${detail}`)
    return this.die(error, limit)
  }

  protected die(error: MeshError, limit: Http1Limit): MessageStep {
    this.error = error
    this.limit = limit
    this.state = 'dead'
    this.at = this.to
    return 'violation'
  }

  #isTooLong(): boolean {
    const length = this.to - this.at
    if (length > LIMITS.requestLineBytes && this.state === 'head' && this.input.indexOf(LF, this.at) < 0) {
      this.refuse('targetTooLong', `the start line is longer than ${LIMITS.requestLineBytes} octets`, 'target-too-long')
      return true
    }
    if (length <= LIMITS.headerListBytes) return false
    this.refuse('headTooLarge', `the head is longer than ${LIMITS.headerListBytes} octets`, 'headers-too-large')
    return true
  }

  #nextBody(): MessageStep {
    const decoder = this.bodyDecoder
    const step = decoder.read(this.input, this.at, this.to)
    if (step === 'violation') return this.refuse(decoder.limit, decoder.problem)
    this.at = decoder.at
    if (step === 'piece') {
      this.body =
        decoder.from === 0 && decoder.to === this.input.length
          ? this.input
          : this.input.subarray(decoder.from, decoder.to)
      return 'body'
    }
    if (step === 'end') return this.#end(NO_FIELDS)
    if (step === 'need-more') return 'need-more'
    this.state = 'trailers'
    return this.#nextTrailers()
  }

  #nextTrailers(): MessageStep {
    const { input, at, to } = this
    if (to - at >= 2 && input[at] === CR && input[at + 1] === LF) {
      this.headIsComplete(at + 2)
      return this.#end(NO_FIELDS)
    }
    if (at === to) return 'need-more'
    const may = this.mayScanHead()
    if (may !== 'yes') return may === 'no' ? 'need-more' : 'violation'
    const next = trailerScanner.scan(input, at, to, false)
    if (next === NEED_MORE) return this.headIsPartial()
    if (next === VIOLATION)
      return this.refuse(trailerScanner.limit, `trailers: ${trailerScanner.problem}`, trailerScanner.code)
    this.headIsComplete(next)
    const { lines, fieldCount } = trailerScanner.lines
    const trailers: string[] = []
    for (let i = 1; i <= fieldCount; i++) trailers.push((lines[i] as HeadLine).name, (lines[i] as HeadLine).value)
    return this.#end(cleanTrailers(trailers))
  }

  #end(trailers: Fields): MessageStep {
    this.trailers = trailers
    this.state = 'head'
    return 'end'
  }
}
