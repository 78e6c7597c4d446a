import assert from 'node:assert/strict'
import test from 'ava'
import { byPrecedence } from '../../../control-plane/compile/by-precedence.ts'
import type { RouteMatch } from '../../../sidecar/config/resources.ts'

const match = (change: Partial<RouteMatch> = {}): RouteMatch => ({ headers: [], query: [], ...change })
const prefix = (value: string) => match({ path: { type: 'path-prefix', value } })
const exact = (value: string) => match({ path: { type: 'exact', value } })
const named = (...names: string[]) => names.map((name) => ({ name, match: { type: 'exact', value: '1' } as const }))

/** The stronger of two matches, and the weaker. */
const STRONGER: readonly (readonly [string, RouteMatch, RouteMatch])[] = [
  ['an exact path before a longer prefix', exact('/a'), prefix('/a/b/c')],
  ['the longer prefix before the shorter', prefix('/abc'), prefix('/ab')],
  ['a trailing slash does not make a prefix longer', prefix('/abc'), prefix('/ab/')],
  ['any prefix before no path', prefix('/a'), match()],
  ['a path before a method', prefix('/a'), match({ method: 'GET' })],
  ['a method before headers', match({ method: 'GET' }), match({ headers: named('a', 'b') })],
  ['more headers before fewer', match({ headers: named('a', 'b') }), match({ headers: named('a') })],
  ['headers before parameters', match({ headers: named('a') }), match({ query: named('a', 'b') })],
  ['more parameters before fewer', match({ query: named('a', 'b') }), match({ query: named('a') })],
]
for (const [what, strong, weak] of STRONGER) {
  test(`precedence: ${what}`, () => {
    assert(byPrecedence(strong, weak) < 0)
    assert(byPrecedence(weak, strong) > 0)
  })
}

const EQUAL: readonly (readonly [RouteMatch, RouteMatch])[] = [
  [exact('/a'), exact('/abc')],
  [prefix('/a'), prefix('/b/')],
  [prefix('/'), match()],
  [match({ method: 'GET' }), match({ method: 'POST' })],
]
test('precedence: between equals neither goes first, so that the older one does', () => {
  for (const [a, b] of EQUAL) assert.equal(byPrecedence(a, b), 0, JSON.stringify([a, b]))
})
