import assert from 'node:assert/strict'
import test from 'ava'
import { findCaller } from '../../../cli/commands/explain.ts'
import { CliError, ExitCode } from '../../../cli/exit-code.ts'

const KNOWN = ['shop/web', 'shop/orders-1', 'shop/orders-2', 'shop/orders-api', 'blog/web', 'blog/my-orders']

const FOUND: readonly (readonly [string, string | undefined, string])[] = [
  ['shop/web', undefined, 'shop/web'],
  ['web', undefined, 'shop/web'],
  ['web', 'blog', 'blog/web'],
  ['blog/web', 'shop', 'blog/web'],
  ['orders', undefined, 'shop/orders-1'],
  ['shop/orders', undefined, 'shop/orders-1'],
  ['orders-2', undefined, 'shop/orders-2'],
  ['my-orders', 'blog', 'blog/my-orders'],
]

for (const [from, namespace, workload] of FOUND) {
  test(`--from ${from}${namespace === undefined ? '' : ` -n ${namespace}`} means ${workload}`, () => {
    assert.equal(findCaller(KNOWN, from, namespace), workload)
  })
}

for (const [from, namespace] of [
  ['nobody', undefined],
  ['eb', undefined],
  ['orders', 'blog'],
  ['shop/', undefined],
  ['', undefined],
] as const) {
  test(`--from "${from}"${namespace === undefined ? '' : ` -n ${namespace}`} means nobody, and says who there is`, () => {
    assert.throws(
      () => findCaller(KNOWN, from, namespace),
      (error) =>
        error instanceof CliError &&
        error.exitCode === ExitCode.failed &&
        error.message ===
          `--from ${from}: no such workload is connected; known: blog/my-orders, blog/web, shop/orders-1, shop/orders-2, shop/orders-api, shop/web`,
    )
  })
}

test('where nobody is connected the sentence says so', () => {
  assert.throws(() => findCaller([], 'web', undefined), { message: /no such workload is connected; known: none$/ })
})

// The characters that would trouble the expression are left out, and what is left is another name.
test('a name with a dot is not taken for one without', () => {
  assert.throws(() => findCaller(['shop/webapi-1'], 'web.api', undefined))
})
