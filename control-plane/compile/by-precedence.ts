import type { RouteMatch } from '../../sidecar/config/resources.ts'

/**
 * Order of precedence of two matches, the stronger first; 0 when only age can tell. Source: Gateway API,
 * HTTPRouteRule.matches: exact path, longest prefix, method, most headers, most query parameters.
 */
export function byPrecedence(a: RouteMatch, b: RouteMatch): number {
  return (
    pathRank(b) - pathRank(a) ||
    Number(b.method !== undefined) - Number(a.method !== undefined) ||
    b.headers.length - a.headers.length ||
    b.query.length - a.query.length
  )
}

/** Exact before any prefix; of prefixes the longer. No path is the prefix `/`; a trailing slash counts for nothing. */
function pathRank({ path }: RouteMatch): number {
  if (path === undefined) return 0
  if (path.type === 'exact') return Number.MAX_SAFE_INTEGER
  return path.value.replace(/\/+$/, '').length
}
