import type { MeshErrorCode } from '../core/mesh-errors.ts'
import { canonicalAuthority } from '../http/authority.ts'
import { isTarget, isToken } from '../http/octets.ts'
import { canonicalPath } from '../http/path.ts'

/** What a request line says. */
export interface RequestLine {
  readonly method: string
  /** Canonical origin-form, `*`, or authority-form for CONNECT. */
  readonly path: string
  /** Only with absolute-form and CONNECT: it overrules `Host` (RFC 9112 §3.2.2). */
  readonly authority: string | undefined
  /** Only with absolute-form. */
  readonly scheme: 'http' | 'https' | undefined
  readonly isHttp10: boolean
}

/** Why a request line is refused. */
export interface LineProblem {
  readonly code: MeshErrorCode
  readonly detail: string
}

const malformed = (detail: string): LineProblem => ({ code: 'bad-request', detail })
const VERSION = /^HTTP\/[0-9]\.[0-9]$/

/**
 * Reads a request line without its line end: exactly two single spaces, a token, a target in one of the four forms, a
 * version (RFC 9112 §3). The path comes out in its canonical form.
 */
export function readRequestLine(line: string): RequestLine | LineProblem {
  const first = line.indexOf(' ')
  const second = line.indexOf(' ', first + 1)
  if (first <= 0 || second <= first + 1) return malformed('a request line is not "method target version"')
  const method = line.substring(0, first)
  const target = line.substring(first + 1, second)
  const version = line.substring(second + 1)
  if (!isToken(method)) return malformed('the method is not a token')
  if (version !== 'HTTP/1.1' && version !== 'HTTP/1.0') {
    if (!VERSION.test(version)) return malformed('the request line does not end in an HTTP version')
    return { code: 'http-version', detail: `Cannot speak ${version}: expected HTTP/1.1` }
  }
  const isHttp10 = version === 'HTTP/1.0'
  if (method === 'CONNECT') return readConnect(target, isHttp10)
  if (target.charCodeAt(0) === 0x2f) {
    const path = canonicalPath(target)
    if (path === undefined) return malformed('the target has no one reading as a path')
    return { method, path, authority: undefined, scheme: undefined, isHttp10 }
  }
  if (target === '*') {
    if (method !== 'OPTIONS') return malformed('only OPTIONS may ask for "*"')
    return { method, path: '*', authority: undefined, scheme: undefined, isHttp10 }
  }
  return readAbsolute(method, target, isHttp10)
}

function readConnect(target: string, isHttp10: boolean): RequestLine | LineProblem {
  const authority = canonicalAuthority(target)
  if (authority === undefined || !/:[0-9]+$/.test(authority)) return malformed('CONNECT asks for a host and a port')
  return { method: 'CONNECT', path: authority, authority, scheme: undefined, isHttp10 }
}

function readAbsolute(method: string, target: string, isHttp10: boolean): RequestLine | LineProblem {
  const match = /^(https?):\/\/([^/?#]*)(.*)$/i.exec(target)
  if (match === null || !isTarget(target)) return malformed('the target is in none of the four forms')
  const authority = canonicalAuthority(match[2] ?? '')
  if (authority === undefined || authority === '') return malformed('the authority of the target is not a host')
  const rest = match[3] ?? ''
  const scheme = match[1]?.toLowerCase() === 'https' ? 'https' : 'http'
  if (rest === '') return { method, path: method === 'OPTIONS' ? '*' : '/', authority, scheme, isHttp10 }
  const path = canonicalPath(rest.startsWith('/') ? rest : `/${rest}`)
  if (path === undefined) return malformed('the target has no one reading as a path')
  return { method, path, authority, scheme, isHttp10 }
}
