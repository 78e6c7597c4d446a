import { byteAt } from '../core/byte-at.ts'
import { LIMITS } from '../core/limits.ts'
import { FIELD_VALUE } from '../http/octets.ts'
import type { Http1Limit } from './http1-counters.ts'

/** What `BodyDecoder.read` came to. */
export type BodyStep = 'need-more' | 'piece' | 'end' | 'trailers' | 'violation'

/** Where in the chunked coding the next octet stands (RFC 9112 §7.1). */
type Place = 'size-first' | 'size' | 'extension' | 'size-lf' | 'data' | 'data-cr' | 'data-lf'
type Mode = 'none' | 'length' | 'chunked' | 'until-close'

const CR = 0x0d
const LF = 0x0a
const SEMICOLON = 0x3b
const QUOTE = 0x22
const BACKSLASH = 0x5c
const SIZE_DIGIT_COUNT = 16

const HEX: Int8Array = new Int8Array(256).fill(-1)
for (let i = 0; i < 16; i++) {
  HEX[i.toString(16).charCodeAt(0)] = i
  HEX[i.toString(16).toUpperCase().charCodeAt(0)] = i
}

/**
 * Takes the framing off a body: by length, chunked, or until the connection ends. Keeps its place between any two octets,
 * so nothing is ever buffered. Strict about chunk sizes: hexadecimal digits, then CR LF or `;`, nothing else
 * (RFC 9112 §7.1; smuggling by `0x5`, ` 5`, bare LF). Extensions are read over, within a limit.
 */
export class BodyDecoder {
  /** After 'piece': its octets stand from `from` to `to` in what was read. */
  from = 0
  to = 0
  /** After any step: where to read on. */
  at = 0
  /** After 'violation'. */
  problem = ''
  limit: Http1Limit = 'malformedChunk'

  #mode: Mode = 'none'
  #place: Place = 'size-first'
  /** Octets to come: of the body, or of the chunk. */
  #remaining = 0
  #digitCount = 0
  #extensionBytes = 0
  #isQuoted = false
  #isEscaped = false

  /** Octets of the body that must still come, where a length says so; else 0. */
  get remainingLength(): number {
    return this.#mode === 'length' ? this.#remaining : 0
  }

  get isUntilClose(): boolean {
    return this.#mode === 'until-close'
  }

  startLength(length: number): void {
    this.#mode = 'length'
    this.#remaining = length
  }

  startChunked(): void {
    this.#mode = 'chunked'
    this.#place = 'size-first'
    this.#extensionBytes = 0
    this.#isQuoted = false
    this.#isEscaped = false
  }

  startUntilClose(): void {
    this.#mode = 'until-close'
  }

  /** Reads on at `at`, not past `to`. 'trailers': the last chunk was read, the trailer section begins at `this.at`. */
  read(bytes: Buffer, at: number, to: number): BodyStep {
    if (this.#mode === 'chunked') return this.#readChunked(bytes, at, to)
    if (this.#mode === 'until-close') return this.#piece(at, to, to)
    if (this.#remaining === 0) {
      this.at = at
      return 'end'
    }
    const end = Math.min(to, at + this.#remaining)
    this.#remaining -= end - at
    return this.#piece(at, end, end)
  }

  #piece(from: number, to: number, next: number): BodyStep {
    this.from = from
    this.to = to
    this.at = next
    return from === to ? 'need-more' : 'piece'
  }

  #readChunked(bytes: Buffer, from: number, to: number): BodyStep {
    let at = from
    while (at < to) {
      const octet = byteAt(bytes, at)
      switch (this.#place) {
        case 'size-first': {
          const digit = HEX[octet] as number
          if (digit < 0) return this.#refuse('a chunk size that does not begin with a hexadecimal digit')
          this.#remaining = digit
          this.#digitCount = 1
          this.#place = 'size'
          at++
          break
        }
        case 'size': {
          const digit = HEX[octet] as number
          if (digit >= 0) {
            this.#remaining = this.#remaining * 16 + digit
            if (++this.#digitCount > SIZE_DIGIT_COUNT || this.#remaining > Number.MAX_SAFE_INTEGER) {
              return this.#refuse('a chunk size past 2^53')
            }
          } else if (octet === SEMICOLON) this.#place = 'extension'
          else if (octet === CR) this.#place = 'size-lf'
          else return this.#refuse(`octet 0x${octet.toString(16)} in a chunk size`)
          at++
          break
        }
        case 'extension':
          if (!this.#readExtensionOctet(octet)) return 'violation'
          at++
          break
        case 'size-lf':
          if (octet !== LF) return this.#refuse('a chunk size that does not end in CR LF')
          at++
          this.#place = 'data'
          if (this.#remaining === 0) {
            this.at = at
            return 'trailers'
          }
          break
        case 'data': {
          const end = Math.min(to, at + this.#remaining)
          this.#remaining -= end - at
          if (this.#remaining === 0) this.#place = 'data-cr'
          return this.#piece(at, end, end)
        }
        case 'data-cr':
          if (octet !== CR) return this.#refuse('more data than the chunk size says')
          this.#place = 'data-lf'
          at++
          break
        case 'data-lf':
          if (octet !== LF) return this.#refuse('chunk data that does not end in CR LF')
          this.#place = 'size-first'
          at++
          break
      }
    }
    this.at = at
    return 'need-more'
  }

  /** An unterminated quoted string must not hide the end of the line (Netty CVE-2026-33870). */
  #readExtensionOctet(octet: number): boolean {
    if (octet === CR && !this.#isQuoted) {
      this.#place = 'size-lf'
      return true
    }
    if (++this.#extensionBytes > LIMITS.chunkExtensionBytes) {
      this.#refuse(`chunk extensions of more than ${LIMITS.chunkExtensionBytes} octets`, 'chunkExtensions')
      return false
    }
    if (FIELD_VALUE[octet] !== 1) {
      this.#refuse(`octet 0x${octet.toString(16)} in a chunk extension`)
      return false
    }
    if (this.#isEscaped) this.#isEscaped = false
    else if (octet === BACKSLASH) this.#isEscaped = this.#isQuoted
    else if (octet === QUOTE) this.#isQuoted = !this.#isQuoted
    return true
  }

  #refuse(problem: string, limit: Http1Limit = 'malformedChunk'): BodyStep {
    this.problem = problem
    this.limit = limit
    return 'violation'
  }
}
