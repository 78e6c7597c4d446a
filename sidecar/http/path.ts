import { resolveDots } from './path-readings.ts'

const SLASH = 0x2f

/**
 * The one form of a request path that policy, routing and forwarding use alike, query untouched: unreserved octets are
 * decoded, hex digits upper case, `//` merged, dot segments resolved (RFC 3986 §6.2.2; Istio CVE-2021-31920, CVE-2021-39156).
 * `%2F` and `%5C` stay encoded, for they mean another path to some; what policy makes of those is `otherReadings`. `*` stays.
 *
 * Returns undefined for what has no one reading: a path that does not begin with `/`, `\`, `#`, controls, a broken percent
 * sign, `%00`, octets that no UTF-8 has (overlong forms). Costs one pass when the path is canonical already.
 */
export function canonicalPath(path: string): string | undefined {
  let isPlain = true
  let previous = 0
  for (let i = 0; i < path.length; i++) {
    const octet = path.charCodeAt(i)
    if (octet === 0x3f) {
      if (!isCleanQuery(path, i)) return undefined
      break
    }
    if (octet <= 0x20 || octet >= 0x7f || octet === 0x23 || octet === 0x5c) return undefined
    // `//`, `/.` and `%` are the only things that can be written in more than one way.
    if (octet === 0x25 || (previous === SLASH && (octet === SLASH || octet === 0x2e))) isPlain = false
    previous = octet
  }
  if (path.charCodeAt(0) !== SLASH) return path === '*' ? path : undefined
  return isPlain ? path : rewrite(path)
}

function isCleanQuery(path: string, from: number): boolean {
  for (let i = from; i < path.length; i++) {
    const octet = path.charCodeAt(i)
    if (octet <= 0x20 || octet >= 0x7f || octet === 0x23) return false
  }
  return true
}

const UNRESERVED = /[A-Za-z0-9._~-]/

function rewrite(path: string): string | undefined {
  const mark = path.indexOf('?')
  const raw = mark < 0 ? path : path.slice(0, mark)
  const decoded = decodeUnreserved(raw)
  if (decoded === undefined) return undefined
  const joined = resolveDots(decoded)
  return mark < 0 ? joined : joined + path.slice(mark)
}

function decodeUnreserved(raw: string): string | undefined {
  let decoded = ''
  let from = 0
  for (let at = raw.indexOf('%'); at >= 0; at = raw.indexOf('%', at + 3)) {
    const hex = raw.slice(at + 1, at + 3)
    if (!/^[0-9A-Fa-f]{2}$/.test(hex)) return undefined
    const octet = Number.parseInt(hex, 16)
    if (octet === 0 || octet === 0xc0 || octet === 0xc1 || octet >= 0xf5) return undefined
    const character = String.fromCharCode(octet)
    decoded += raw.slice(from, at) + (UNRESERVED.test(character) ? character : `%${hex.toUpperCase()}`)
    from = at + 3
  }
  return decoded + raw.slice(from)
}
