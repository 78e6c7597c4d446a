import type { IncomingHttpHeaders } from 'node:http'

/** True when no page of another origin sent the request: `Origin` is absent, or names the host that was asked. */
export function isSameOrigin(headers: IncomingHttpHeaders): boolean {
  const { origin, host } = headers
  if (origin === undefined) return true
  const url = URL.parse(origin)
  return url !== null && (url.protocol === 'http:' || url.protocol === 'https:') && url.host === host?.toLowerCase()
}
