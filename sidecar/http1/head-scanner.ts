import { byteAt } from '../core/byte-at.ts'
import { LIMITS } from '../core/limits.ts'
import type { MeshErrorCode } from '../core/mesh-errors.ts'
import { FIELD_VALUE, TOKEN_LOWER } from '../http/octets.ts'
import type { Http1Limit } from './http1-counters.ts'
import { FieldKind, findKnownName, hashStep, type KnownName, learnName } from './known-names.ts'
import { type HeadLine, LineSet } from './line-set.ts'

/** The head is not complete. */
export const NEED_MORE = -1
/** The head breaks a rule; `HeadScanner.problem` says which. */
export const VIOLATION = -2

const CR = 0x0d
const LF = 0x0a
const COLON = 0x3a
const SPACE = 0x20
const TAB = 0x09
/** From this many new lines on, one string of the whole head and pieces of it are cheaper than a string for each. */
const WHOLE_TEXT_COUNT = 2
/** Longest head that is read so: a piece of a string keeps all of it in memory, for as long as a span or a table holds it. */
const WHOLE_TEXT_BYTES = 4 * 1024
/** After so many heads in a row that were no repetition, most are no longer tried. */
const MISS_COUNT = 8

const NO_LINE: HeadLine = { name: '', value: '', kind: FieldKind.plain, valueOffset: 0 }

/**
 * Cuts a head into its start line and fields, in one pass over the octets (RFC 9112 §2.1, §5).
 *
 * Heads of one application repeat most of their lines, so each line is first compared with the line that stood in its
 * place in the last head: equal octets were judged before, and their strings exist. A head of 10 fields costs about
 * 0.7 µs with two lines changed, 1.3 µs with all of them (`bench/micro/http1-head.ts`, Node 26, 2 vCPU). Has no state that belongs to a connection: one
 * scanner serves all connections that carry the same kind of heads.
 *
 * Strict: lines end in CR LF; no folding; names are tokens, directly followed by a colon; values have no controls but HTAB.
 */
export class HeadScanner {
  /** The lines of the head scanned last. The first is the start line; fields begin at 1. */
  lines: LineSet = new LineSet()
  /** After `VIOLATION`: what was wrong. */
  problem = ''
  code: MeshErrorCode = 'bad-request'
  limit: Http1Limit = 'malformedHead'

  #spare: LineSet = new LineSet()
  #missCount = 0
  /** Lines of this head whose strings are still to be made. */
  #newCount = 0
  readonly #newLine = new Int32Array(LIMITS.headerCount + 1)
  readonly #newName: KnownName[] = []
  readonly #lineFrom = new Int32Array(LIMITS.headerCount + 1)
  readonly #valueFrom = new Int32Array(LIMITS.headerCount + 1)
  readonly #valueTo = new Int32Array(LIMITS.headerCount + 1)

  /** Whether the octets from `from` begin with the very head scanned last; it ends at `from + lines.length`. */
  isRepeat(bytes: Buffer, from: number, to: number): boolean {
    const length = this.lines.length
    if (length === 0 || to - from < length || bytes[from + length - 1] !== LF) return false
    // Where heads carry ids, none repeats whole: then only now and again a try is worth its 60 ns.
    if (this.#missCount > MISS_COUNT && (++this.#missCount & 15) !== 0) return false
    const isSame = this.lines.bytes.compare(bytes, from, from + length, 0, length) === 0
    this.#missCount = isSame ? 0 : this.#missCount + 1
    return isSame
  }

  /**
   * Scans the head that begins at `from`. The octets are only borrowed.
   * @param hasStartLine false for a trailer section
   * @returns the offset after the head, or `NEED_MORE`, or `VIOLATION`
   */
  scan(bytes: Buffer, from: number, to: number, hasStartLine: boolean): number {
    const seen = this.lines
    const lines = this.#spare
    this.#newCount = 0
    let at = from
    if (hasStartLine) {
      const next = this.#scanStartLine(bytes, from, to, seen, lines)
      if (next < 0) return next
      at = next
    } else lines.lines[0] = NO_LINE
    let count = 0
    let expected = 1
    for (;;) {
      if (at + 1 >= to) return NEED_MORE
      if (bytes[at] === CR) break
      count++
      if (count > LIMITS.headerCount) return this.#tooLarge('tooManyFields', `more than ${LIMITS.headerCount} fields`)
      lines.starts[count] = at - from
      let matched = 0
      if (expected < seen.lineCount) {
        matched = seen.matchLength(expected, bytes, at, to)
        if (matched < 0) {
          lines.lines[count] = seen.lines[expected] as HeadLine
          at -= matched
          expected++
          continue
        }
      }
      const line = seen.lines[expected]
      const next =
        line !== undefined && matched > 0 && matched >= line.valueOffset
          ? this.#scanValue(bytes, at, at + matched, to, count, at + line.valueOffset, line)
          : this.#scanField(bytes, at, to, count)
      if (next < 0) return next
      if (expected < seen.lineCount) {
        // After a changed line the next one is expected; after one that is new here, the same again.
        const name = (this.#newName[this.#newCount - 1] as KnownName).name
        if (name === line?.name) expected++
        else if (expected + 1 < seen.lineCount && name === seen.lines[expected + 1]?.name) expected += 2
      }
      at = next
      if (at - from + 32 * count > LIMITS.headerListBytes)
        return this.#tooLarge('headTooLarge', `more than ${LIMITS.headerListBytes} octets`)
    }
    if (bytes[at + 1] !== LF) return this.#malformed('a CR without LF ends the header section')
    const end = at + 2
    this.#makeLines(bytes, from, at, lines)
    lines.finish(bytes, from, end, count)
    this.#spare = seen
    this.lines = lines
    return end
  }

  #scanStartLine(bytes: Buffer, from: number, to: number, seen: LineSet, lines: LineSet): number {
    lines.starts[0] = 0
    if (seen.lineCount > 0) {
      const matched = seen.matchLength(0, bytes, from, to)
      if (matched < 0) {
        lines.lines[0] = seen.lines[0] as HeadLine
        return from - matched
      }
    }
    let at = from
    while (at < to && FIELD_VALUE[byteAt(bytes, at)] === 1) at++
    if (at - from > LIMITS.requestLineBytes) {
      this.problem = `the start line is longer than ${LIMITS.requestLineBytes} octets`
      this.code = 'target-too-long'
      this.limit = 'targetTooLong'
      return VIOLATION
    }
    if (at + 1 >= to) return at < to && bytes[at] !== CR ? this.#badOctet(bytes, at, 'start line') : NEED_MORE
    if (bytes[at] !== CR || bytes[at + 1] !== LF) return this.#badOctet(bytes, at, 'start line')
    this.#note(0, NO_LINE, from, from, at)
    return at + 2
  }

  #scanField(bytes: Buffer, from: number, to: number, line: number): number {
    let hash = 0
    let at = from
    for (; at < to; at++) {
      const lower = TOKEN_LOWER[byteAt(bytes, at)] as number
      if (lower === 0) break
      hash = hashStep(hash, lower)
    }
    if (at >= to) return NEED_MORE
    if (bytes[at] !== COLON || at === from) return this.#badName(bytes, at, from)
    const known = findKnownName(bytes, from, at, hash) ?? learnName(bytes, from, at, hash)
    return this.#scanValue(bytes, from, at + 1, to, line, at + 1, known)
  }

  /** The octets between `valueFrom` and `at` are known to be good. */
  #scanValue(
    bytes: Buffer,
    lineFrom: number,
    from: number,
    to: number,
    line: number,
    valueFrom: number,
    name: KnownName,
  ): number {
    let at = from
    while (at < to && FIELD_VALUE[byteAt(bytes, at)] === 1) at++
    if (at + 1 >= to) return at < to && bytes[at] !== CR ? this.#badOctet(bytes, at, 'field value') : NEED_MORE
    if (bytes[at] !== CR || bytes[at + 1] !== LF) return this.#badOctet(bytes, at, 'field value')
    let start = valueFrom
    let end = at
    while (start < end && (bytes[start] === SPACE || bytes[start] === TAB)) start++
    while (end > start && (bytes[end - 1] === SPACE || bytes[end - 1] === TAB)) end--
    this.#note(line, name, lineFrom, start, end)
    return at + 2
  }

  #note(line: number, name: KnownName, lineFrom: number, valueFrom: number, valueTo: number): void {
    const i = this.#newCount++
    this.#newLine[i] = line
    this.#newName[i] = name
    this.#lineFrom[i] = lineFrom
    this.#valueFrom[i] = valueFrom
    this.#valueTo[i] = valueTo
  }

  #makeLines(bytes: Buffer, from: number, to: number, lines: LineSet): void {
    const count = this.#newCount
    const isWhole = count >= WHOLE_TEXT_COUNT && to - from <= WHOLE_TEXT_BYTES
    const whole = isWhole ? bytes.toString('latin1', from, to) : undefined
    for (let i = 0; i < count; i++) {
      const start = this.#valueFrom[i] as number
      const end = this.#valueTo[i] as number
      const { name, kind } = this.#newName[i] as KnownName
      const value =
        whole === undefined ? bytes.toString('latin1', start, end) : whole.substring(start - from, end - from)
      const valueOffset = start - (this.#lineFrom[i] as number)
      lines.lines[this.#newLine[i] as number] = { name, value, kind, valueOffset }
    }
  }

  #badName(bytes: Buffer, at: number, from: number): number {
    const octet = byteAt(bytes, at)
    if (at === from && (octet === SPACE || octet === TAB))
      return this.#malformed('a line begins with white space (folding)')
    if (octet === COLON) return this.#malformed('a field has no name')
    if (octet === CR || octet === LF) return this.#malformed('a field line has no colon')
    return this.#malformed(`octet 0x${octet.toString(16).padStart(2, '0')} in a field name`)
  }

  #badOctet(bytes: Buffer, at: number, place: string): number {
    const octet = byteAt(bytes, at)
    if (octet === LF) return this.#malformed(`a ${place} ends in LF without CR`)
    return this.#malformed(`octet 0x${octet.toString(16).padStart(2, '0')} in a ${place}`)
  }

  #malformed(problem: string): number {
    this.problem = problem
    this.code = 'bad-request'
    this.limit = 'malformedHead'
    return VIOLATION
  }

  #tooLarge(limit: Http1Limit, problem: string): number {
    this.problem = problem
    this.code = 'headers-too-large'
    this.limit = limit
    return VIOLATION
  }
}
