import assert from 'node:assert/strict'
import test from 'ava'
import { findCaller } from '../../../cli/commands/explain.ts'
import { CliError, ExitCode } from '../../../cli/exit-code.ts'

const caller = (name: string, account: string) => ({
  name,
  identity: `spiffe://mesh.local/ns/${name.split('/')[0]}/sa/${account}`,
})
const KNOWN = [
  caller('shop/web', 'web'),
  caller('shop/orders-1', 'orders'),
  caller('shop/orders-2', 'orders'),
  caller('shop/orders-api', 'orders-api'),
  caller('blog/web', 'web'),
  caller('blog/my-orders', 'my-orders'),
]

const FOUND: readonly (readonly [string, string | undefined, string])[] = [
  ['shop/web', undefined, 'shop/web'],
  ['shop/web@web', undefined, 'shop/web'],
  ['web@web', 'shop', 'shop/web'],
  ['web', 'blog', 'blog/web'],
  ['blog/web', 'shop', 'blog/web'],
  ['orders', undefined, 'shop/orders-1'],
  ['shop/orders', undefined, 'shop/orders-1'],
  ['orders-2', undefined, 'shop/orders-2'],
  ['my-orders', 'blog', 'blog/my-orders'],
]

for (const [from, namespace, workload] of FOUND) {
  test(`--from ${from}${namespace === undefined ? '' : ` -n ${namespace}`} means ${workload}`, () => {
    assert.equal(findCaller(KNOWN, from, namespace).name, workload)
  })
}

for (const [from, namespace] of [
  ['nobody', undefined],
  ['eb', undefined],
  ['orders', 'blog'],
  ['shop/', undefined],
  ['', undefined],
  ['shop/web@orders', undefined],
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
  assert.throws(() => findCaller([caller('shop/webapi-1', 'webapi')], 'web.api', undefined))
})

const AMBIGUOUS: readonly (readonly [string, string])[] = [
  ['shop/web', 'shop/web@thief, shop/web@web'],
  ['web', 'blog/web@web, shop/web@thief, shop/web@web'],
  ['shop/orders', 'shop/orders-1@orders, shop/orders-2@orders, shop/orders-2@thief'],
]
for (const [from, each] of AMBIGUOUS) {
  test(`--from ${from} is an error that lists all, where several identities are called so`, () => {
    const known = [...KNOWN, caller('shop/web', 'thief'), caller('shop/orders-2', 'thief')]
    assert.throws(() => findCaller(known, from, undefined), {
      message: `--from ${from}: several workloads are called so; say which: ${each}`,
    })
    assert.equal(findCaller(known, 'shop/web@thief', undefined).identity, 'spiffe://mesh.local/ns/shop/sa/thief')
  })
}
