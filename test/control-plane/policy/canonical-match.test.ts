import assert from 'node:assert/strict'
import test from 'ava'
import fc from 'fast-check'
import { compileAuthorization } from '../../../control-plane/compile/compile-authorization.ts'
import { checkManifest } from '../../../control-plane/policy/check-manifest.ts'
import { formatProblem } from '../../../control-plane/policy/format-problem.ts'
import type { Manifest } from '../../../control-plane/policy/manifest.ts'
import { parseManifests } from '../../../control-plane/policy/parse-manifests.ts'
import { decide } from '../../../sidecar/decide/decide.ts'
import type { RequestFacts } from '../../../sidecar/decide/decision.ts'
import { SILENT } from '../../../sidecar/decide/trace-step.ts'
import { canonicalAuthority } from '../../../sidecar/http/authority.ts'
import { canonicalPath } from '../../../sidecar/http/path.ts'
import { instance, meshWorld } from '../../support/mesh-world.ts'
import { workload as resource } from '../../support/resources.ts'
import { world as decisionWorld, facts } from '../../support/worlds.ts'

/** A DENY of what `http` says, as a manifest; undefined when it is refused. */
function denial(http: object): Manifest | undefined {
  const checked = checkManifest({
    apiVersion: 'outrigger.dev/v1alpha1',
    kind: 'AuthorizationPolicy',
    metadata: { name: 'no', namespace: 'shop' },
    spec: { action: 'DENY', rules: [{ http }] },
  })
  return checked.ok ? checked.value : undefined
}

/** What the callee's sidecar decides under that policy: the same compiler, the same decision. */
function isDenied(policy: Manifest, request: Partial<RequestFacts>): boolean {
  const world = meshWorld([policy], [instance({ workload: 'shop/orders-1', service: 'shop/orders' })])
  const [workload] = world.workloads.values()
  assert(workload !== undefined)
  const authorization = { ...compileAuthorization(world, workload), name: 'shop/orders' }
  const decision = decide(
    facts({ direction: 'inbound', port: 8080, ...request }),
    decisionWorld([resource(), authorization]),
    SILENT,
  )
  return decision.kind === 'refuse' && decision.error.code === 'denied'
}

const piece = fc.constantFrom(
  ...[
    '/',
    '/',
    '/',
    'a',
    'b',
    '.',
    '..',
    '%2e',
    '%2E',
    '%2f',
    '%2F',
    '%61',
    '%7e',
    '~',
    '%c3%a9',
    'é',
    '😀',
    '%',
    '%0',
  ],
  ...['%00', '%c0%af', '%5c', '\\', '+', '%20', ';', ':', '@', '"', '{', '%25', '%252e', '*'],
)
const path = fc.array(piece, { maxLength: 8 }).map((pieces) => `/${pieces.join('')}`)

/** Other ways to write the same path: what needs no escape escaped, in both cases, and elements that mean nothing. */
const respelled = (canonical: string, chances: readonly number[]): string =>
  [...canonical]
    .map((character, i) => {
      const chance = (chances[i % chances.length] ?? 0) % 6
      if (chance === 0 && /[A-Za-z0-9~_-]/.test(character) && canonical[i - 1] !== '%' && canonical[i - 2] !== '%')
        return `%${character.charCodeAt(0).toString(16)}`
      if (chance === 1 && character === '/') return i % 2 === 0 ? '/./' : '//'
      if (chance === 2 && character === '/') return '/x/../'
      return character
    })
    .join('')

test('whatever path a DENY is taken with, a request for that path is denied, however it is written', () => {
  let takenCount = 0
  fc.assert(
    fc.property(
      path,
      fc.constantFrom('Exact', 'PathPrefix'),
      fc.array(fc.nat(), { minLength: 1 }),
      (value, type, chances) => {
        const policy = denial({ paths: [{ type, value }] })
        if (policy === undefined) return
        takenCount++
        const sent = canonicalPath(value.replaceAll(/[\u0080-\u{10ffff}]+/gu, encodeURIComponent))
        assert(sent !== undefined, `a request can have ${value}`)
        assert(isDenied(policy, { path: sent }), `${value} is denied as ${sent}`)
        const other = canonicalPath(`${respelled(sent, chances)}?query=/`)
        assert(other !== undefined)
        assert(isDenied(policy, { path: other }), `${value} is denied as ${other}`)
      },
    ),
    { numRuns: 3_000, seed: 21 },
  )
  assert(takenCount > 500, `${takenCount} were taken`)
})

const hostPiece = fc.constantFrom(
  'a',
  'B',
  '.',
  '*',
  '*.',
  'shop',
  ':80',
  ':',
  '-',
  '_',
  'é',
  '[::1]',
  '127.0.0.1',
  ' ',
)
const host = fc.array(hostPiece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join(''))

test('whatever host a DENY is taken with, a request for that host is denied, in any case and with any port', () => {
  let takenCount = 0
  fc.assert(
    fc.property(host, fc.constantFrom('', ':80', ':8443', '.', '.:80'), (value, tail) => {
      const policy = denial({ hosts: [value] })
      if (policy === undefined) return
      takenCount++
      const called = value.replace(/^\*(?=$|\.)/, 'below.any').replace(/\.?:?$/, '')
      for (const text of [called, called.toUpperCase()]) {
        const authority = canonicalAuthority(text + tail)
        assert(authority !== undefined, `a request can have ${text}${tail}`)
        assert(isDenied(policy, { authority }), `${value} is denied as ${authority}`)
      }
    }),
    { numRuns: 3_000, seed: 22 },
  )
  assert(takenCount > 300, `${takenCount} were taken`)
})

const policyText = (http: string): string =>
  `apiVersion: outrigger.dev/v1alpha1\nkind: AuthorizationPolicy\nmetadata: {name: no, namespace: shop}\nspec:\n  action: DENY\n  rules:\n    - http: ${http}\n`

const REFUSED: readonly (readonly [http: string, problem: RegExp])[] = [
  ['{paths: [{value: /x/../secret}]}', /paths\[0\]\.value holds "\/\.\.".*allowed: "\/secret", which is what such a/],
  ['{paths: [{value: /a//b}]}', /holds "\/\/".*allowed: "\/a\/b"/],
  ['{paths: [{value: /a/%2E/b}]}', /holds "\/\.".*allowed: "\/a\/b"/],
  ['{paths: [{value: /a/%2e%2e}]}', /holds "\/\.\.".*allowed: "\/"/],
  ['{paths: [{value: "/a\\\\b"}]}', /no request can have.*"%5C" for a backslash/],
  ['{paths: [{value: /100%}]}', /no request can have.*two hexadecimal digits/],
  ['{paths: [{value: /a%00}]}', /no request can have/],
  ['{hosts: ["orders:80"]}', /hosts\[0\] names a port.*allowed: "orders"; ports are meant by networkAttributes/],
  ['{hosts: ["*.shop:80"]}', /names a port.*allowed: "\*\.shop"/],
  ['{hosts: ["orders.*"]}', /is not a host.*"\*\.shop\.example"/],
  ['{hosts: ["*orders"]}', /is not a host/],
  ['{hosts: ["café.example"]}', /is not a host.*allowed: "xn--caf-dma\.example"/],
  ['{hosts: ["[::1]"]}', /is an IPv6 address/],
  ['{hosts: ["::1"]}', /is an IPv6 address/],
  ['{headers: [{name: Host, value: orders}]}', /headers\[0\]\.name is not compared as a header field.*http\.hosts/],
  ['{headers: [{name: ":authority", value: orders}]}', /headers\[0\]\.name/],
  ['{headers: [{name: connection, value: close}]}', /ends at each hop/],
  ['{headers: [{name: Transfer-Encoding, type: Present}]}', /ends at each hop/],
  ['{headers: [{name: expect, type: Present}]}', /ends at each hop/],
  ['{headers: [{name: X-Forwarded-Client-Cert, type: Present}]}', /is the mesh's own/],
  ['{headers: [{name: x-outrigger-port, value: "1"}]}', /is the mesh's own/],
  ['{headers: [{name: x-a, value: " b"}]}', /headers\[0\]\.value begins or ends with blanks.*allowed: "b"/],
]
for (const [http, problem] of REFUSED) {
  test(`a DENY that could never hold is refused at its line: ${http}`, () => {
    const parsed = parseManifests(policyText(http), 'no.yaml', 'shop')
    assert(!parsed.ok, 'it was taken')
    assert.match(parsed.error.map(formatProblem).join('\n'), problem)
    assert(parsed.error.every(({ line }) => line === 7))
  })
}

test('what means the same is compared as requests have it', () => {
  const cases: readonly (readonly [object, Partial<RequestFacts>])[] = [
    [{ paths: [{ value: '/caf%c3%a9' }] }, { path: '/caf%C3%A9' }],
    [{ paths: [{ value: '/café' }] }, { path: '/caf%C3%A9/x' }],
    [{ paths: [{ value: '/%7Eroot' }] }, { path: '/~root' }],
    [{ paths: [{ value: '/a%2fb' }] }, { path: '/a%2Fb' }],
    [{ hosts: ['ORDERS.'] }, { authority: 'orders:80' }],
    [{ headers: [{ name: 'X-Admin', value: 'yes' }] }, { fields: ['x-admin', 'yes'] }],
    [{ headers: [{ name: 'Content-Length', value: '0' }] }, { fields: ['content-length', '0'] }],
  ]
  for (const [http, request] of cases) {
    const policy = denial(http)
    assert(policy !== undefined, JSON.stringify(http))
    assert(isDenied(policy, request), JSON.stringify(http))
  }
})

test("a route's matches are held to the same", () => {
  const route = (match: string): string =>
    `apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r, namespace: shop}\nspec:\n  parentRefs: [{kind: Service, name: orders}]\n  rules:\n    - matches: [${match}]\n`
  const cases: readonly (readonly [string, RegExp])[] = [
    ['{path: {value: /a/%2e%2e/b}}', /path\.value holds "\/\.\."/],
    ['{path: {value: /a%2Fb}}', /path\.value holds "%2f"/],
    ['{path: {value: "/a%zz"}}', /no request can have/],
    ['{headers: [{name: host, value: a}]}', /headers\[0\]\.name is not compared/],
  ]
  for (const [match, problem] of cases) {
    const parsed = parseManifests(route(match), 'r.yaml', 'shop')
    assert(!parsed.ok, match)
    assert.match(parsed.error.map(formatProblem).join('\n'), problem)
  }
})
