import { isIP } from 'node:net'
import Type, { type Static } from 'typebox'
import { canonicalHostMatch, canonicalPathMatch, checkHeaderMatch, toShapeProblems } from './canonical-match.ts'
import { type KindDefinition, OUTRIGGER_API } from './kind-definition.ts'
import {
  FieldName,
  FieldValue,
  fields,
  LabelName,
  list,
  Method,
  notYet,
  oneOf,
  Port,
  Selector,
  text,
} from './schema-parts.ts'
import type { FieldPath, ShapeProblem } from './shape-problems.ts'

const Source = fields(
  {
    type: oneOf(['ServiceAccount', 'SPIFFE', 'Namespace', 'CIDR'], {
      notYetValues: { JWT: 'claims of tokens as sources' },
    }),
    serviceAccount: Type.Optional(fields({ namespace: Type.Optional(LabelName), name: LabelName })),
    spiffe: Type.Optional(
      text(
        '^spiffe://[a-z0-9._-]+(/[a-zA-Z0-9._-]+)+$',
        'a SPIFFE ID such as "spiffe://mesh.local/ns/shop/sa/web"',
        2048,
      ),
    ),
    namespace: Type.Optional(LabelName),
    jwt: notYet('claims of tokens as sources'),
    cidr: Type.Optional(text('^[0-9a-fA-F.:]{2,45}/[0-9]{1,3}$', 'an address range such as "10.0.0.0/8"', 49)),
  },
  'Who calls. The field that belongs to the type is set, and no other.',
)
export type AuthorizationSource = Static<typeof Source>

const Http = fields(
  {
    methods: Type.Optional(list(Method, 16, 1)),
    hosts: Type.Optional(list(Type.String({ minLength: 1, maxLength: 253 }), 64, 1)),
    paths: Type.Optional(
      list(
        fields({
          type: Type.Optional(
            oneOf(['PathPrefix', 'Exact'], { notYetValues: { RegularExpression: 'matching by regular expression' } }),
          ),
          value: text('^/[^\\x00-\\x20#?\\x7f]*$', 'a path that begins with "/", without query, blanks or "#"', 1024),
        }),
        64,
        1,
      ),
    ),
    headers: Type.Optional(
      list(
        fields({
          type: Type.Optional(
            oneOf(['Exact', 'Present'], { notYetValues: { RegularExpression: 'matching by regular expression' } }),
          ),
          name: FieldName,
          value: Type.Optional(FieldValue),
        }),
        16,
        1,
      ),
    ),
  },
  'What is called. All that is present must hold; of a list, one element must. A host "*.shop.example" matches by suffix.',
)

const Rule = fields({
  sources: Type.Optional(list(Source, 64)),
  networkAttributes: Type.Optional(fields({ ports: Type.Optional(list(Port, 64, 1)) })),
  http: Type.Optional(Http),
})

const TargetRef = fields({
  group: Type.Optional(oneOf([''])),
  kind: oneOf(['Service', 'Pod']),
  name: Type.Optional(LabelName),
  selector: Type.Optional(Selector),
})
export type AuthorizationTarget = Static<typeof TargetRef>

/** Server side: who may call what. Shape of GEP-3779, with HTTP attributes. */
export const AuthorizationPolicySpec = fields({
  targetRefs: Type.Optional(list(TargetRef, 16, 1)),
  action: Type.Optional(oneOf(['ALLOW', 'DENY', 'AUDIT'], { notYetValues: { CUSTOM: 'external authorization' } })),
  rules: Type.Optional(list(Rule, 64)),
})
export type AuthorizationPolicySpec = Static<typeof AuthorizationPolicySpec>

export const authorizationPolicyKind = {
  kind: 'AuthorizationPolicy',
  apiVersion: OUTRIGGER_API,
  plural: 'authorizationpolicies',
  shortNames: ['authz'],
  scope: 'Namespaced',
  description:
    'Who may call what. DENY is considered before ALLOW; where an ALLOW policy concerns a workload, everything else is denied.',
  spec: AuthorizationPolicySpec,
  columns: [{ name: 'Action', jsonPath: '.spec.action' }],
  check,
} as const satisfies KindDefinition

const FIELD_OF_TYPE = {
  ServiceAccount: 'serviceAccount',
  SPIFFE: 'spiffe',
  Namespace: 'namespace',
  CIDR: 'cidr',
} as const

function check(spec: AuthorizationPolicySpec): readonly ShapeProblem[] {
  const problems: ShapeProblem[] = []
  for (const [i, target] of (spec.targetRefs ?? []).entries()) {
    const [wanted, other] =
      target.kind === 'Service' ? (['name', 'selector'] as const) : (['selector', 'name'] as const)
    const path = ['spec', 'targetRefs', i]
    if (target[wanted] === undefined)
      problems.push({ path: [...path, wanted], problem: `is missing for kind ${target.kind}` })
    if (target[other] !== undefined)
      problems.push({ path: [...path, other], problem: `does not belong to kind ${target.kind}` })
  }
  for (const [i, rule] of (spec.rules ?? []).entries()) {
    for (const [j, source] of (rule.sources ?? []).entries()) {
      problems.push(...checkSource(source, ['spec', 'rules', i, 'sources', j]))
    }
    const http = ['spec', 'rules', i, 'http']
    for (const [j, host] of (rule.http?.hosts ?? []).entries())
      problems.push(...toShapeProblems(canonicalHostMatch(host), host, [...http, 'hosts', j]))
    for (const [j, { value }] of (rule.http?.paths ?? []).entries())
      problems.push(...toShapeProblems(canonicalPathMatch(value), value, [...http, 'paths', j, 'value']))
    for (const [j, header] of (rule.http?.headers ?? []).entries()) {
      problems.push(...checkHeaderMatch(header.name, header.value, [...http, 'headers', j]))
      const wantsValue = header.type !== 'Present'
      if (wantsValue === (header.value !== undefined)) continue
      const path = [...http, 'headers', j, 'value']
      problems.push({ path, problem: wantsValue ? 'is missing' : 'does not belong to type Present' })
    }
  }
  return problems
}

function checkSource(source: AuthorizationSource, path: FieldPath): readonly ShapeProblem[] {
  const wanted = FIELD_OF_TYPE[source.type]
  const problems: ShapeProblem[] = []
  if (source[wanted] === undefined)
    problems.push({ path: [...path, wanted], problem: `is missing for type ${source.type}` })
  for (const other of Object.values(FIELD_OF_TYPE)) {
    if (other !== wanted && source[other] !== undefined) {
      problems.push({ path: [...path, other], problem: `does not belong to type ${source.type}`, allowed: wanted })
    }
  }
  const [address = '', bits = ''] = (source.cidr ?? '').split('/')
  const version = isIP(address)
  if (source.cidr !== undefined && (version === 0 || Number(bits) > (version === 4 ? 32 : 128))) {
    problems.push({
      path: [...path, 'cidr'],
      problem: 'has a value that is not allowed',
      found: JSON.stringify(source.cidr),
      allowed: 'an address range such as "10.0.0.0/8"',
    })
  }
  return problems
}
