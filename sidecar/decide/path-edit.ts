import type { RouteFilters } from '../config/resources.ts'
import type { CompiledRule } from './compiled-service.ts'

type PathEdit = NonNullable<NonNullable<RouteFilters['rewrite']>['path']>

/**
 * The path and query after an edit. The query stays.
 * Source: Gateway API, HTTPPathModifier: the matched prefix is replaced in whole elements, so that `/foo/bar` with prefix
 * `/foo` or `/foo/` and replacement `/xyz` or `/xyz/` is `/xyz/bar`, and with an empty replacement `/bar`.
 */
export function editPath(path: string, edit: PathEdit, rule: CompiledRule): string {
  const mark = path.indexOf('?')
  const pathname = mark < 0 ? path : path.slice(0, mark)
  const query = mark < 0 ? '' : path.slice(mark)
  return (edit.type === 'replace-full' ? edit.value || '/' : replacePrefix(pathname, edit.value, rule)) + query
}

function replacePrefix(pathname: string, value: string, rule: CompiledRule): string {
  const matched = rule.path === undefined ? '' : rule.path.value
  const rest = pathname.slice(matched.length)
  if (rest === '') return value || '/'
  const base = value.endsWith('/') ? value.slice(0, -1) : value
  return base + (rest.startsWith('/') ? rest : `/${rest}`)
}
