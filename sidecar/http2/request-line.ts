import { canonicalAuthority } from '../http/authority.ts'
import { isToken } from '../http/octets.ts'
import { canonicalPath } from '../http/path.ts'
import type { HeaderBlock, RequestLine } from './hpack/header-block.ts'

/**
 * The request line of a block, or in words why it is malformed (RFC 9113 §8.3.1, §8.5; RFC 8441 §4). The run of a block
 * is asked first: where its pseudo-fields are all there are, they are judged once for all blocks that begin with it.
 */
export function readRequestLine(block: HeaderBlock): RequestLine | string {
  const run = block.run
  if (run === undefined || !hasSamePseudoFields(run, block)) return makeRequestLine(block)
  run.line ??= makeRequestLine(run)
  return run.line
}

function makeRequestLine(block: HeaderBlock): RequestLine | string {
  const { method, scheme, protocol } = block
  if (block.status !== undefined) return ':status in a request'
  if (method === undefined || !isToken(method)) return 'no valid :method'
  const authority = authorityOf(block)
  if (authority === undefined) return ':authority is invalid, or host differs from it'
  if (method === 'CONNECT') {
    if (authority === '') return 'CONNECT without :authority'
    if (protocol === undefined) {
      if (scheme !== undefined || block.path !== undefined) return 'CONNECT with :scheme or :path'
      return { method, scheme: 'http', authority, path: authority, upgrade: undefined, isTunnel: true }
    }
    if (protocol !== 'websocket') return ':protocol names an upgrade that is not taken here'
  } else if (protocol !== undefined) return ':protocol without CONNECT'
  if (scheme !== 'http' && scheme !== 'https') return 'no valid :scheme'
  const path = block.path === undefined ? undefined : canonicalPath(block.path)
  if (path === undefined || (path === '*' && method !== 'OPTIONS')) return 'no valid :path'
  const isTunnel = protocol !== undefined
  return { method: isTunnel ? 'GET' : method, scheme, authority, path, upgrade: protocol, isTunnel }
}

/** `:authority`, or `host` in its place; undefined when invalid, or when both are there and differ. */
function authorityOf(block: HeaderBlock): string | undefined {
  const { authority, host } = block
  const canonical = canonicalAuthority(authority ?? host ?? '')
  if (authority === undefined || host === undefined) return canonical
  return canonicalAuthority(host) === canonical ? canonical : undefined
}

const hasSamePseudoFields = (run: HeaderBlock, block: HeaderBlock): boolean =>
  run.path === block.path &&
  run.method === block.method &&
  run.scheme === block.scheme &&
  run.authority === block.authority &&
  run.protocol === block.protocol &&
  run.host === block.host &&
  run.status === block.status
