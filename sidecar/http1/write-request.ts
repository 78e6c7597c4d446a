import { hasField } from '../http/fields.ts'
import { asksForTunnel, type RequestHead, UNKNOWN_LENGTH } from '../http/head.ts'
import { fieldLines } from './write-fields.ts'

/** How the body that follows a head is framed. */
export type BodyFraming = 'none' | 'length' | 'chunked' | 'until-close' | 'raw'

/** The framing of a request's body: 'raw' for what follows an upgrade or CONNECT. */
export function requestFraming(head: RequestHead): BodyFraming {
  if (asksForTunnel(head)) return 'raw'
  if (head.bodyLength === UNKNOWN_LENGTH) return 'chunked'
  return head.bodyLength === 0 ? 'none' : 'length'
}

/**
 * The head of a request to an application as text, one octet a character: `host` first (RFC 9110 §7.2), the fields as they
 * are, then framing. Fields were judged where they came in; nothing is escaped here.
 */
export function requestHeadText(head: RequestHead, framing: BodyFraming): string {
  const start = `${head.method} ${head.path} HTTP/1.1\r\nhost: ${head.authority}\r\n`
  switch (framing) {
    case 'length':
      return `${start}${fieldLines(head.fields, false)}content-length: ${head.bodyLength}\r\n\r\n`
    case 'chunked':
      return `${start}${fieldLines(head.fields, false)}transfer-encoding: chunked\r\n\r\n`
    case 'raw': {
      const upgrade = head.upgrade === undefined ? '' : `connection: upgrade\r\nupgrade: ${head.upgrade}\r\n`
      return `${start}${fieldLines(head.fields, false)}${upgrade}\r\n`
    }
    default: {
      const length = needsZeroLength(head) ? 'content-length: 0\r\n' : ''
      return `${start}${fieldLines(head.fields, false)}${length}\r\n`
    }
  }
}

/** RFC 9110 §8.6: say 0 where the method is one that usually has a body, and where the caller said it. */
function needsZeroLength(head: RequestHead): boolean {
  const method = head.method
  if (method === 'GET' || method === 'HEAD') return hasField(head.fields, 'content-length')
  return method === 'POST' || method === 'PUT' || method === 'PATCH' || hasField(head.fields, 'content-length')
}
