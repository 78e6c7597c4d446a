import assert from 'node:assert/strict'
import test from 'ava'
import { parseManifests } from '../../../control-plane/policy/parse-manifests.ts'
import { serviceAccountsOf } from '../../../control-plane/policy/service-accounts.ts'

const ANNOTATION = 'outrigger.dev/service-accounts'
const serviceWith = (list: string): string =>
  `apiVersion: v1
kind: Service
metadata:
  name: orders
  annotations:
    example.com/other: x
    ${ANNOTATION}: ${JSON.stringify(list)}
spec:
  ports:
    - port: 80
`

const LISTS: readonly (readonly [string, readonly string[]])[] = [
  ['orders', ['orders']],
  ['orders, orders-canary', ['orders', 'orders-canary']],
  [' a ,b,c.d', ['a', 'b', 'c.d']],
]
for (const [list, accounts] of LISTS) {
  test(`"${list}" lets ${accounts.join(' and ')} serve`, () => {
    const parsed = parseManifests(serviceWith(list), 'mesh.yaml', 'shop')
    assert.ok(parsed.ok)
    assert.deepEqual(serviceAccountsOf('orders', parsed.value[0]?.metadata.annotations), accounts)
  })
}

test('without a list the account of the name may serve', () => {
  assert.deepEqual(serviceAccountsOf('orders', undefined), ['orders'])
  assert.deepEqual(serviceAccountsOf('orders', { other: 'x' }), ['orders'])
})

const BAD: readonly (readonly [string, RegExp])[] = [
  ['', /names nobody/],
  [' , ', /names nobody/],
  ['orders,', /holds "", which is no name/],
  ['orders;canary', /holds "orders;canary"/],
  ['Orders', /holds "Orders"/],
  ['*', /holds "\*"/],
  ['bank/orders', /holds "bank\/orders"/],
  ['orders, orders', /names "orders" twice/],
  [Array.from({ length: 65 }, (_, i) => `a${i}`).join(), /names 65 service accounts/],
]
for (const [list, problem] of BAD) {
  test(`a list "${list.slice(0, 20)}" is refused with its place`, () => {
    const parsed = parseManifests(serviceWith(list), 'mesh.yaml', 'shop')
    assert.ok(!parsed.ok)
    const [only] = parsed.error
    assert.equal(parsed.error.length, 1)
    assert.match(only?.problem ?? '', problem)
    assert.equal(only?.file, 'mesh.yaml')
    assert.equal(only?.line, 7)
    assert.equal(only?.path, `metadata.annotations["${ANNOTATION}"]`)
    assert.match(only?.allowed ?? '', /"orders, orders-canary"/)
  })
}
