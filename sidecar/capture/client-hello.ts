import { err, ok, type Result } from '../../certs/result.ts'

/** A ClientHello is a few hundred octets, two thousand with post-quantum keys; past this it is an attack on memory. */
const LONGEST_BYTES = 65_536
const LONGEST_RECORD = 16_384
/** Honest ones come in one, and in a few where somebody cuts them to pass a filter. Each read looks at all of them again. */
const MOST_RECORDS = 64
const RECORD_HEADER = 5
const HANDSHAKE_HEADER = 4
const SERVER_NAME = 0
const HOST_NAME = 0
/** A DNS name: labels, of which the last is no number, as an address has it (RFC 6066 §3: ASCII, no dot at the end). */
const NAME =
  /^(?=.{1,253}$)(?!(.*\.)?[0-9]+$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/

/**
 * Reads the server's name (RFC 6066 §3) out of a ClientHello (RFC 8446 §4.1.2) without ending the TLS that it begins: it may
 * come in several records, cut anywhere. In lower case; '' when it names none; undefined while it is not complete. Errors:
 * what is wrong with it, for a log line.
 */
export function readServerName(octets: Buffer): Result<string | undefined, string> {
  const message = gather(octets)
  if (!message.ok) return message
  return message.value === undefined ? ok(undefined) : nameIn(new Reader(message.value))
}

/** The handshake message behind its header, out of as many records as it takes; undefined while some of it is missing. */
function gather(octets: Buffer): Result<Buffer | undefined, string> {
  const parts: Buffer[] = []
  let gathered = 0
  let at = 0
  let wanted = Number.POSITIVE_INFINITY
  while (octets.length - at >= RECORD_HEADER) {
    if (parts.length === MOST_RECORDS) return err(`a ClientHello in more than ${MOST_RECORDS} records`)
    if (octets[at] !== 22 || octets[at + 1] !== 3) return err('a record that is no handshake')
    const length = octets.readUInt16BE(at + 3)
    if (length === 0 || length > LONGEST_RECORD) return err(`a record of ${length} octets`)
    const part = octets.subarray(at + RECORD_HEADER, at + RECORD_HEADER + length)
    parts.push(part)
    gathered += part.length
    at += RECORD_HEADER + length
    if (wanted === Number.POSITIVE_INFINITY && gathered >= HANDSHAKE_HEADER) {
      const header = Buffer.concat(parts)
      if (header[0] !== 1) return err('a handshake that does not begin with a ClientHello')
      const length = header.readUIntBE(1, 3)
      if (length > LONGEST_BYTES) return err(`a ClientHello of ${length} octets`)
      wanted = HANDSHAKE_HEADER + length
    }
    if (gathered >= wanted) return ok(Buffer.concat(parts).subarray(HANDSHAKE_HEADER, wanted))
  }
  return ok(undefined)
}

function nameIn(hello: Reader): Result<string, string> {
  hello.skip(2 + 32) // version, random
  hello.vector(1) // session id
  hello.vector(2) // cipher suites
  hello.vector(1) // compression methods
  if (hello.isBroken) return err('a ClientHello that ends too early')
  if (hello.isAtEnd) return ok('') // as in SSL 3, without extensions
  const extensions = new Reader(hello.vector(2))
  let name: string | undefined
  while (!extensions.isAtEnd) {
    const type = extensions.number(2)
    const data = extensions.vector(2)
    if (extensions.isBroken) break
    if (type !== SERVER_NAME) continue
    if (name !== undefined) return err('two lists of server names')
    const read = hostNameIn(new Reader(new Reader(data).vector(2)))
    if (!read.ok) return read
    name = read.value
  }
  if (hello.isBroken || extensions.isBroken) return err('a ClientHello whose extensions end too early')
  return ok(name ?? '')
}

function hostNameIn(list: Reader): Result<string, string> {
  const type = list.number(1)
  const text = list.vector(2).toString('latin1').toLowerCase()
  if (list.isBroken || !list.isAtEnd || type !== HOST_NAME) return err('a list of server names that is none')
  return NAME.test(text) ? ok(text) : err(`the server name ${JSON.stringify(text.slice(0, 64))}, which is no DNS name`)
}

/** Reads numbers and vectors one behind the other. Past the end it gives zeros and nothing, and is broken from then on. */
class Reader {
  isBroken = false
  readonly #octets: Buffer
  #at = 0

  constructor(octets: Buffer) {
    this.#octets = octets
  }

  get isAtEnd(): boolean {
    return this.isBroken || this.#at === this.#octets.length
  }

  skip(count: number): void {
    this.#take(count)
  }

  number(bytes: 1 | 2): number {
    const taken = this.#take(bytes)
    return taken.length === 0 ? 0 : taken.readUIntBE(0, bytes)
  }

  /** What a length of so many octets announces. */
  vector(lengthBytes: 1 | 2): Buffer {
    return this.#take(this.number(lengthBytes))
  }

  #take(count: number): Buffer {
    if (this.isBroken || count > this.#octets.length - this.#at) {
      this.isBroken = true
      return Buffer.alloc(0)
    }
    this.#at += count
    return this.#octets.subarray(this.#at - count, this.#at)
  }
}
