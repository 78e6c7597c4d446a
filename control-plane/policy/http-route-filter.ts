import Type, { type Static } from 'typebox'
import { WIRE_FIELDS } from '../../sidecar/config/route-rule.ts'
import { FieldName, FieldValue, fields, Hostname, list, notYet, oneOf, Port, text } from './schema-parts.ts'
import type { FieldPath, ShapeProblem } from './shape-problems.ts'

const Field = fields({ name: FieldName, value: FieldValue })
const HeaderModifier = fields({
  set: Type.Optional(list(Field, 16)),
  add: Type.Optional(list(Field, 16)),
  remove: Type.Optional(list(FieldName, 16)),
})
const PathText = text('^/[^\\x00-\\x20#?\\x7f]*$', 'a path that begins with "/", without query, blanks or "#"', 1024)
const PrefixText = text('^(/[^\\x00-\\x20#?\\x7f]*)?$', 'a path that begins with "/", or nothing', 1024)
const PathModifier = fields({
  type: oneOf(['ReplaceFullPath', 'ReplacePrefixMatch']),
  replaceFullPath: Type.Optional(PathText),
  replacePrefixMatch: Type.Optional(PrefixText),
})

/** HTTPRouteFilter of Gateway API v1. */
export const HTTPRouteFilter = fields({
  type: oneOf(['RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestRedirect', 'URLRewrite'], {
    notYetValues: {
      RequestMirror: 'mirroring of requests',
      CORS: 'the CORS filter',
      ExtensionRef: 'filters by ExtensionRef',
      ExternalAuth: 'external authorization',
    },
  }),
  requestHeaderModifier: Type.Optional(HeaderModifier),
  responseHeaderModifier: Type.Optional(HeaderModifier),
  requestRedirect: Type.Optional(
    fields({
      scheme: Type.Optional(oneOf(['http', 'https'])),
      hostname: Type.Optional(Hostname),
      path: Type.Optional(PathModifier),
      port: Type.Optional(Port),
      statusCode: Type.Optional(
        Type.Unsafe<301 | 302 | 303 | 307 | 308>({ type: 'integer', enum: [301, 302, 303, 307, 308] }),
      ),
    }),
  ),
  urlRewrite: Type.Optional(fields({ hostname: Type.Optional(Hostname), path: Type.Optional(PathModifier) })),
  requestMirror: notYet('mirroring of requests'),
  cors: notYet('the CORS filter'),
  extensionRef: notYet('filters by ExtensionRef'),
  externalAuth: notYet('external authorization'),
})
export type HTTPRouteFilter = Static<typeof HTTPRouteFilter>

/** The field that carries a filter's settings, by the filter's type. */
const FIELD_OF_TYPE = {
  RequestHeaderModifier: 'requestHeaderModifier',
  ResponseHeaderModifier: 'responseHeaderModifier',
  RequestRedirect: 'requestRedirect',
  URLRewrite: 'urlRewrite',
} as const

/** What the schema can't say of a rule's filters (HTTPRouteFilter and HTTPRouteRule.filters of Gateway API). */
export function checkFilters(
  filters: readonly HTTPRouteFilter[],
  rule: { readonly at: FieldPath; readonly hasBackends: boolean; readonly hasOnePrefixMatch: boolean },
): readonly ShapeProblem[] {
  const problems: ShapeProblem[] = []
  for (const [i, filter] of filters.entries()) {
    const path = [...rule.at, 'filters', i]
    const wanted = FIELD_OF_TYPE[filter.type]
    if (filter[wanted] === undefined)
      problems.push({ path: [...path, wanted], problem: `is missing in a ${filter.type} filter` })
    for (const other of Object.values(FIELD_OF_TYPE)) {
      if (other !== wanted && filter[other] !== undefined) {
        problems.push({
          path: [...path, other],
          problem: `does not belong in a ${filter.type} filter`,
          allowed: wanted,
        })
      }
    }
    if (filters.findIndex((earlier) => earlier.type === filter.type) < i) {
      problems.push({
        path: [...path, 'type'],
        problem: `has ${filter.type} a second time`,
        allowed: 'each type once in a rule',
      })
    }
    for (const field of ['requestHeaderModifier', 'responseHeaderModifier'] as const)
      problems.push(...checkHeaderModifier(filter[field], [...path, field]))
    problems.push(
      ...checkPathModifier(filter.urlRewrite?.path, [...path, 'urlRewrite', 'path'], rule.hasOnePrefixMatch),
    )
    problems.push(
      ...checkPathModifier(filter.requestRedirect?.path, [...path, 'requestRedirect', 'path'], rule.hasOnePrefixMatch),
    )
  }
  const types = new Set(filters.map((filter) => filter.type))
  if (types.has('RequestRedirect') && types.has('URLRewrite')) {
    problems.push({
      path: [...rule.at, 'filters'],
      problem: 'holds both RequestRedirect and URLRewrite',
      allowed: 'one of them',
    })
  }
  if (types.has('RequestRedirect') && rule.hasBackends) {
    problems.push({
      path: [...rule.at, 'backendRefs'],
      problem: 'stands beside a RequestRedirect filter, which never forwards',
    })
  }
  return problems
}

function checkHeaderModifier(
  modifier: HTTPRouteFilter['requestHeaderModifier'],
  path: FieldPath,
): readonly ShapeProblem[] {
  const { set = [], add = [], remove = [] } = modifier ?? {}
  const named: (readonly [string, FieldPath])[] = [
    ...set.map(({ name }, i) => [name, [...path, 'set', i, 'name']] as const),
    ...add.map(({ name }, i) => [name, [...path, 'add', i, 'name']] as const),
    ...remove.map((name, i) => [name, [...path, 'remove', i]] as const),
  ]
  return named
    .filter(([name]) => WIRE_FIELDS.includes(name.toLowerCase()))
    .map(([name, at]) => ({
      path: at,
      problem: 'names a field that no rule may edit: it frames the message, ends at each hop, or says its host',
      found: JSON.stringify(name),
      allowed: 'any other; for the host see the URLRewrite filter',
    }))
}

function checkPathModifier(
  modifier: NonNullable<HTTPRouteFilter['urlRewrite']>['path'],
  path: FieldPath,
  hasOnePrefixMatch: boolean,
): readonly ShapeProblem[] {
  if (modifier === undefined) return []
  const [wanted, other] =
    modifier.type === 'ReplaceFullPath'
      ? (['replaceFullPath', 'replacePrefixMatch'] as const)
      : (['replacePrefixMatch', 'replaceFullPath'] as const)
  const problems: ShapeProblem[] = []
  if (modifier[wanted] === undefined)
    problems.push({ path: [...path, wanted], problem: `is missing for ${modifier.type}` })
  if (modifier[other] !== undefined)
    problems.push({ path: [...path, other], problem: `does not belong to ${modifier.type}` })
  if (wanted === 'replacePrefixMatch' && !hasOnePrefixMatch) {
    problems.push({
      path: [...path, 'type'],
      problem: 'is ReplacePrefixMatch in a rule without a prefix to replace',
      allowed: 'only where all matches of the rule are PathPrefix matches',
    })
  }
  return problems
}
