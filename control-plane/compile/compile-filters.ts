import type { HeadEdits, RouteFilters } from '../../sidecar/config/resources.ts'
import type { HTTPRouteFilter } from '../policy/http-route-filter.ts'

type HeaderModifier = NonNullable<HTTPRouteFilter['requestHeaderModifier']>
type PathModifier = NonNullable<NonNullable<HTTPRouteFilter['urlRewrite']>['path']>
type Redirect = NonNullable<HTTPRouteFilter['requestRedirect']>

/** Gateway API, HTTPRequestRedirectFilter.statusCode. */
const DEFAULT_REDIRECT_STATUS = 302

/** What the filters of a rule do, as the sidecar is told. Each type stands at most once. */
export function compileFilters(filters: readonly HTTPRouteFilter[]): RouteFilters {
  const compiled: RouteFilters = {}
  for (const { requestHeaderModifier, responseHeaderModifier, requestRedirect, urlRewrite } of filters) {
    if (requestHeaderModifier !== undefined) compiled.request = toEdits(requestHeaderModifier)
    if (responseHeaderModifier !== undefined) compiled.response = toEdits(responseHeaderModifier)
    if (requestRedirect !== undefined) compiled.redirect = toRedirect(requestRedirect)
    if (urlRewrite !== undefined) {
      const { hostname, path } = urlRewrite
      compiled.rewrite = { ...(hostname === undefined ? {} : { hostname }), ...toPathEdit(path) }
    }
  }
  return compiled
}

/** Header names compare without case; of equal names in `set` the first counts (Gateway API, HTTPHeaderFilter.set). */
function toEdits({ set = [], add = [], remove = [] }: HeaderModifier): HeadEdits {
  const lower = ({ name, value }: { readonly name: string; readonly value: string }) => ({
    name: name.toLowerCase(),
    value,
  })
  const sets = new Map(
    set
      .map(lower)
      .reverse()
      .map((field) => [field.name, field]),
  )
  return {
    set: [...sets.values()].reverse(),
    add: add.map(lower),
    remove: [...new Set(remove.map((name) => name.toLowerCase()))],
  }
}

function toRedirect({ scheme, hostname, port, path, statusCode }: Redirect): NonNullable<RouteFilters['redirect']> {
  return {
    ...(scheme === undefined ? {} : { scheme }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(port === undefined ? {} : { port }),
    ...toPathEdit(path),
    status: statusCode ?? DEFAULT_REDIRECT_STATUS,
  }
}

function toPathEdit(path: PathModifier | undefined) {
  if (path === undefined) return {}
  return path.type === 'ReplaceFullPath'
    ? { path: { type: 'replace-full' as const, value: path.replaceFullPath ?? '/' } }
    : { path: { type: 'replace-prefix' as const, value: path.replacePrefixMatch ?? '' } }
}
