import assert from 'node:assert/strict'
import test from 'ava'
import { CliError, ExitCode } from '../../../cli/exit-code.ts'
import { type DescribedRequest, describeRequest } from '../../../cli/explain/described-request.ts'

const READ: readonly (readonly [string, Partial<DescribedRequest>])[] = [
  ['http://orders/items', { authority: 'orders', port: undefined, path: '/items' }],
  ['http://orders', { authority: 'orders', path: '/' }],
  ['orders/items', { authority: 'orders', path: '/items' }],
  ['orders.shop:8080/items', { authority: 'orders.shop:8080', port: 8_080 }],
  ['http://ORDERS.Shop/Items', { authority: 'orders.shop', path: '/Items' }],
  ['http://orders:80/', { authority: 'orders', port: undefined }],
  ['http://orders/items?a=1&b=%20', { path: '/items?a=1&b=%20' }],
  ['http://orders/items#part', { path: '/items' }],
  ['http://[::1]:9101/', { authority: '[::1]:9101', port: 9_101 }],
]

for (const [url, wanted] of READ) {
  test(`describeRequest reads ${url}`, () => {
    const read = describeRequest('GET', url, [])
    assert.deepEqual({ ...read, ...wanted }, read)
  })
}

test('describeRequest keeps header fields in their order, names in lower case, values with their colons and commas', () => {
  const headers = ['X-Env: test', 'x-list:a, b', 'x-time: 12:30', 'x-env: prod ', 'x-empty:']
  assert.deepEqual(describeRequest('POST', 'http://orders/', headers), {
    method: 'POST',
    authority: 'orders',
    port: undefined,
    path: '/',
    fields: ['x-env', 'test', 'x-list', 'a, b', 'x-time', '12:30', 'x-env', 'prod', 'x-empty', ''],
  })
})

test('methods are any token, and told apart by case', () => {
  assert.equal(describeRequest('M-SEARCH', 'http://orders/', []).method, 'M-SEARCH')
  assert.equal(describeRequest('get', 'http://orders/', []).method, 'get')
})

const WRONG: readonly (readonly [string, string, string, readonly string[], RegExp])[] = [
  ['a method with a blank', 'GE T', 'http://orders/', [], /^"GE T" is not a method; wanted GET, POST, …$/],
  ['no method', '', 'http://orders/', [], /^"" is not a method/],
  ['no host', 'GET', 'http://', [], /^"http:\/\/" is not a URL; wanted http:\/\/SERVICE\/PATH, such as /],
  ['a port that is none', 'GET', 'orders:99999/', [], /^"orders:99999\/" is not a URL/],
  ['https', 'GET', 'https://orders/', [], /^"https:\/\/orders\/": only http:\/\/ is explained so far/],
  [
    'a header without a colon',
    'GET',
    'http://orders/',
    ['x-env'],
    /^-H "x-env" is not a header field; wanted NAME: VALUE$/,
  ],
  ['a header without a name', 'GET', 'http://orders/', [': test'], /^-H ": test" is not a header field/],
  ['a pseudo-header', 'GET', 'http://orders/', [':path: /'], /^-H ":path: \/" is not a header field/],
]

for (const [what, method, url, headers, sentence] of WRONG) {
  test(`describeRequest refuses ${what} in a sentence`, () => {
    assert.throws(
      () => describeRequest(method, url, headers),
      (error) => error instanceof CliError && error.exitCode === ExitCode.usage && sentence.test(error.message),
    )
  })
}

// A sidecar reads these into one form before it decides; explain decides about the form that was typed.
for (const [url, authority, path] of [
  ['http://orders//items', 'orders', '/items'],
  ['http://orders/%69tems', 'orders', '/items'],
  ['http://orders./items', 'orders', '/items'],
] as const) {
  test(`describeRequest reads ${url} as a sidecar does`, () => {
    const read = describeRequest('GET', url, [])
    assert.deepEqual([read.authority, read.path], [authority, path])
  })
}

test('describeRequest refuses a header field whose name is blank, or none that HTTP has', () => {
  for (const header of [' : x', 'x env: test']) assert.throws(() => describeRequest('GET', 'http://orders/', [header]))
})
