import { parseContentLength } from '../../http/content-length.ts'
import type { RequestHead, ResponseHead } from '../../http/head.ts'
import { FieldKind } from './field-kind.ts'

/** What a header block may hold, decoded. */
export interface HeaderLimits {
  /** Sum of name + value + 32 (RFC 9113 §6.5.2). */
  readonly listBytes: number
  /** Fields, cookie crumbs included. */
  readonly fieldCount: number
}

/** What the pseudo-fields of a request say, judged: what HTTP/1 has in its request line and `Host`. */
export interface RequestLine {
  readonly method: string
  readonly scheme: 'http' | 'https'
  readonly authority: string
  readonly path: string
  readonly upgrade: string | undefined
  /** CONNECT or Extended CONNECT: what follows is no body. */
  readonly isTunnel: boolean
}

/**
 * A decoded header block: the pseudo-fields apart, the others in `fields`. Filled by the decoder, unchanged afterwards:
 * a block whose octets were seen before in the same state of the table is the same object, with the head that was made of it.
 */
export class HeaderBlock {
  method: string | undefined
  scheme: string | undefined
  authority: string | undefined
  path: string | undefined
  protocol: string | undefined
  status: string | undefined
  host: string | undefined
  /** `[name, value, …]` without pseudo-fields, `host` and `expect: 100-continue`; `content-length` is in it, cookie crumbs are one field. */
  fields: string[] = []
  /** Octets promised by `content-length`, −1 without one. */
  contentLength = -1
  expectsContinue = false
  /** Why the message is malformed (RFC 9113 §8.1.1), or undefined. */
  malformed: string | undefined
  /** The block is over a limit: its fields beyond it were decoded, charged and dropped. */
  isTooLarge = false
  listBytes = 0
  fieldCount = 0
  /** Heads made of this block, kept for the next time it arrives. */
  openRequest: RequestHead | undefined
  endedRequest: RequestHead | undefined
  openResponse: ResponseHead | undefined
  endedResponse: ResponseHead | undefined
  /** The block of the run that this one begins with. */
  run: HeaderBlock | undefined
  /** What the pseudo-fields say, or why they are malformed, once somebody asked. */
  line: RequestLine | string | undefined
  #cookieAt = -1

  /** Takes one more field; every field is charged, whatever becomes of it (CVE-2026-73550). */
  add(name: string, value: string, kind: FieldKind, limits: HeaderLimits): void {
    this.fieldCount++
    this.listBytes += name.length + value.length + 32
    if (this.listBytes > limits.listBytes || this.fieldCount > limits.fieldCount) {
      this.isTooLarge = true
      return
    }
    if (kind === FieldKind.regular) this.fields.push(name, value)
    else this.#addSpecial(name, value, kind)
  }

  /** A copy that more fields can be added to. */
  extend(): HeaderBlock {
    const copy = new HeaderBlock()
    copy.run = this
    copy.method = this.method
    copy.scheme = this.scheme
    copy.authority = this.authority
    copy.path = this.path
    copy.protocol = this.protocol
    copy.status = this.status
    copy.host = this.host
    copy.fields = this.fields.slice()
    copy.contentLength = this.contentLength
    copy.expectsContinue = this.expectsContinue
    copy.malformed = this.malformed
    copy.isTooLarge = this.isTooLarge
    copy.listBytes = this.listBytes
    copy.fieldCount = this.fieldCount
    copy.#cookieAt = this.#cookieAt
    return copy
  }

  #addSpecial(name: string, value: string, kind: FieldKind): void {
    switch (kind) {
      case FieldKind.method:
        this.method = this.#once(name, this.method, value)
        return
      case FieldKind.scheme:
        this.scheme = this.#once(name, this.scheme, value)
        return
      case FieldKind.authority:
        this.authority = this.#once(name, this.authority, value)
        return
      case FieldKind.path:
        this.path = this.#once(name, this.path, value)
        return
      case FieldKind.protocol:
        this.protocol = this.#once(name, this.protocol, value)
        return
      case FieldKind.status:
        this.status = this.#once(name, this.status, value)
        return
      case FieldKind.contentLength:
        this.#addContentLength(name, value)
        return
      case FieldKind.cookie:
        this.#addCookie(name, value)
        return
      case FieldKind.host:
        if (this.host !== undefined) this.malformed ??= 'two host fields'
        this.host = value
        return
      case FieldKind.te:
        if (value !== 'trailers') this.malformed ??= 'a te field other than "trailers"'
        this.fields.push(name, value)
        return
      case FieldKind.expect:
        if (value.toLowerCase() === '100-continue') this.expectsContinue = true
        else this.fields.push(name, value)
        return
      default:
        this.malformed ??= `a field called ${JSON.stringify(name.slice(0, 40))}, or its value`
    }
  }

  /** Pseudo-fields come first and once (RFC 9113 §8.3). */
  #once(name: string, known: string | undefined, value: string): string {
    if (known !== undefined) this.malformed ??= `${name} twice`
    if (this.fields.length > 0 || this.host !== undefined) this.malformed ??= `${name} after a regular field`
    return value
  }

  /** A second, equal content-length is refused as well, as on HTTP/1. */
  #addContentLength(name: string, value: string): void {
    const length = parseContentLength(value)
    if (length < 0 || this.contentLength >= 0) this.malformed ??= 'content-length is not one number'
    this.contentLength = length
    this.fields.push(name, value)
  }

  /**
   * RFC 9113 §8.2.3: crumbs become one field, joined with "; ", in the place of the first. An empty one adds nothing: a
   * value with a blank at its end would be malformed for whoever reads it next (§8.2.1).
   */
  #addCookie(name: string, value: string): void {
    if (this.#cookieAt < 0) this.#cookieAt = this.fields.push(name, value) - 1
    else if (this.fields[this.#cookieAt] === '') this.fields[this.#cookieAt] = value
    else if (value !== '') this.fields[this.#cookieAt] += `; ${value}`
  }
}
