import { LIMITS } from '../core/limits.ts'

/** Hosts that one process sees are few: their canonical form is kept, and forgotten all at once past this many. */
const KNOWN_COUNT = 256
const known = new Map<string, string>()

/** Registered name or IPv4, or bracketed IPv6; then perhaps a port. No userinfo, path, comma, percent sign (RFC 9112 §3.2, stricter). */
const AUTHORITY = /^([a-z0-9._~-]+|\[[0-9a-f:.]{2,45}\])(?::([0-9]{0,5}))?$/

/**
 * The canonical form of a `Host`, `:authority` or absolute target's authority: lower case, without a trailing dot of the
 * host, without an empty port. Policy, routing and forwarding all use this one form (Istio CVE-2021-39155).
 * Returns '' for '' (RFC 9112 §3.2 lets `Host` be empty), undefined when it is no authority.
 */
export function canonicalAuthority(text: string): string | undefined {
  const cached = known.get(text)
  if (cached !== undefined) return cached
  const canonical = canonicalise(text)
  if (canonical === undefined) return undefined
  if (known.size >= KNOWN_COUNT) known.clear()
  known.set(text, canonical)
  return canonical
}

function canonicalise(text: string): string | undefined {
  if (text === '') return ''
  if (text.length > LIMITS.authorityBytes) return undefined
  const match = AUTHORITY.exec(text.toLowerCase())
  if (match === null) return undefined
  const host = match[1]?.replace(/\.$/, '') ?? ''
  const port = match[2] ?? ''
  if (host === '' || host.endsWith('.')) return undefined
  if (port === '') return host
  if (port.startsWith('0') || Number(port) > 65_535) return undefined
  return `${host}:${port}`
}

/** The host of a canonical authority, without port; IPv6 without brackets. */
export function hostOf(authority: string): string {
  if (authority.startsWith('[')) return authority.slice(1, authority.indexOf(']'))
  const colon = authority.lastIndexOf(':')
  return colon < 0 ? authority : authority.slice(0, colon)
}

/** The port of a canonical authority, or undefined when it names none. */
export function portOf(authority: string): number | undefined {
  const colon = authority.lastIndexOf(':')
  return colon < 0 || authority.endsWith(']') ? undefined : Number(authority.slice(colon + 1))
}
