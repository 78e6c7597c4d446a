import assert from 'node:assert/strict'
import test from 'ava'
import { startTestMesh, type TestMesh } from '../../support/mesh.ts'
import { rawExchange } from '../../support/raw-exchange.ts'
import { RawApplication } from './raw-application.ts'
import { REFUSED_REQUESTS } from './refused-requests.ts'
import { REQUEST_EDITS } from './request-edits.ts'

/** Never to be seen by anybody, behind what is refused. */
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: orders\r\n\r\n'

const application = new RawApplication()
let mesh: TestMesh

test.before(async () => {
  mesh = await startTestMesh({ services: { orders: { raw: application.serve } }, callers: ['web'] })
})
test.after.always(() => mesh[Symbol.asyncDispose]())
test.beforeEach(() => application.forget())

/** Sends octets to the listener of a service; all that comes back until the sidecar closes, or as many answers as wanted. */
function exchange(octets: string, answers = Number.POSITIVE_INFINITY, to = 'orders'): Promise<string> {
  const isDone = (text: string): boolean => statusesOf(text).length >= answers && text.endsWith('\r\n\r\n')
  return rawExchange(mesh.workload('web').portFor(to), Buffer.from(octets, 'latin1'), isDone)
}
const statusesOf = (text: string): number[] =>
  [...text.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map((match) => Number(match[1]))
/** When this was seen, what came before it would have been seen too. */
const passOne = async (): Promise<void> => {
  assert.equal((await mesh.call('web', 'orders', '/passed')).status, 200)
}

for (const [row, fault, octets, status] of REFUSED_REQUESTS) {
  test.serial(`row ${row}: ${fault}: ${status}, and the connection closes`, async () => {
    const answer = await exchange(octets + SMUGGLED)
    assert.deepEqual(statusesOf(answer), [status], answer)
    await passOne()
    assert.deepEqual(application.targets, ['/passed'])
  })
}

for (const { row, sent, octets, shows, hides, count = 1 } of REQUEST_EDITS) {
  test.serial(`row ${row}: ${sent}`, async () => {
    const answer = await exchange(octets, count)
    assert.deepEqual(statusesOf(answer), Array(count).fill(200), answer)
    const seen = application.requests.join('')
    for (const pattern of shows) assert.match(seen, pattern)
    if (hides !== undefined) assert.doesNotMatch(seen, hides)
    assert.equal(application.requests.length, count)
  })
}

test.serial('row 14: absolute-form routes by its own authority, not by Host', async () => {
  const known = await exchange('GET http://orders/ HTTP/1.1\r\nHost: nowhere\r\n\r\n', 1, '')
  assert.deepEqual(statusesOf(known), [200], known)
  const unknown = await exchange('GET http://nowhere/ HTTP/1.1\r\nHost: orders\r\nConnection: close\r\n\r\n', 9, '')
  assert.deepEqual(statusesOf(unknown), [404], unknown)
})

test.serial('row 15: the preface of HTTP/2 is HTTP/2, and what follows it is read as nothing else', async () => {
  const answer = await exchange(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${SMUGGLED}`)
  assert.deepEqual(statusesOf(answer), [])
  assert.equal(answer.charCodeAt(3), 4, 'SETTINGS')
  await passOne()
  assert.deepEqual(application.targets, ['/passed'])
})

test.serial(
  'row 20: the body of a request that the mesh answers itself is read over, or closes the connection',
  async () => {
    const refused = (bytes: number): string =>
      `POST / HTTP/1.1\r\nHost: nowhere\r\nContent-Length: ${bytes}\r\n\r\n${'x'.repeat(bytes)}`
    const next = 'GET /next HTTP/1.1\r\nHost: orders\r\nConnection: close\r\n\r\n'
    assert.deepEqual(statusesOf(await exchange(refused(1_000) + next, undefined, '')), [404, 200])
    assert.deepEqual(statusesOf(await exchange(refused(1_000_000) + next, undefined, '')), [404])
  },
)

test.serial('row 21: 100-continue is answered by the mesh, and does not reach the application', async () => {
  const head = 'POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n'
  assert.deepEqual(statusesOf(await exchange(head, 1)), [100])
  assert.deepEqual(statusesOf(await exchange(`${head}hi`, 2)), [100, 200])
  assert.match(application.requests.join(''), /\r\n\r\nhi$/)
  assert.doesNotMatch(application.requests.join(''), /expect/)
})

test.serial(
  'row 21: no body is asked for that nobody wants, and what comes after the refusal is not read',
  async () => {
    const head = 'POST / HTTP/1.1\r\nHost: nowhere\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n'
    const next = 'GET /next HTTP/1.1\r\nHost: orders\r\n\r\n'
    for (const behind of ['', 'hi', next, `hi${next}`]) {
      const answer = await exchange(head + behind, undefined, '')
      assert.deepEqual(statusesOf(answer), [404])
      assert.match(answer, /^connection: close\r$/m)
    }
    assert.deepEqual(application.targets, [])
  },
)

test.serial('row 27: a hundred pipelined requests are answered in their order', async () => {
  const targets = Array.from({ length: 100 }, (_, i) => `/${i}`)
  const answer = await exchange(targets.map((target) => `GET ${target} HTTP/1.1\r\nHost: orders\r\n\r\n`).join(''), 100)
  assert.deepEqual(
    [...answer.matchAll(/^x-target: (.*)\r$/gm)].map((match) => match[1]),
    targets,
  )
})

/** A policy; requests, and what they are answered under it. */
const POLICIES: readonly (readonly [row: number, name: string, rule: string, requests: Record<string, number>])[] = [
  [
    29,
    'a path is compared in its one form',
    'action: DENY, rules: [{http: {paths: [{value: /admin}]}}]',
    { 'GET //x/../%61dmin HTTP/1.1\r\nHost: orders': 403, 'GET /x/admin HTTP/1.1\r\nHost: orders': 200 },
  ],
  [
    30,
    'a host is compared in lower case, without dot and port',
    'action: DENY, rules: [{http: {hosts: [orders]}}]',
    {
      'GET / HTTP/1.1\r\nHost: ORDERS': 403,
      'GET / HTTP/1.1\r\nHost: orders.': 403,
      'GET / HTTP/1.1\r\nHost: orders:80': 403,
      'GET http://oRdErs./ HTTP/1.1\r\nHost: x': 403,
      'GET / HTTP/1.1\r\nHost: x': 200,
    },
  ],
  [
    31,
    'a rule that denies needs one value of a repeated field',
    'action: DENY, rules: [{http: {headers: [{name: x-role, value: evil}]}}]',
    {
      'GET / HTTP/1.1\r\nHost: orders\r\nX-Role: good\r\nX-Role: evil': 403,
      'GET / HTTP/1.1\r\nHost: orders\r\nX-Role: evil\r\nX-Role: good': 403,
      'GET / HTTP/1.1\r\nHost: orders\r\nX-Role: good\r\nX-Role: good': 200,
    },
  ],
  [
    31,
    'a rule that allows needs all values of a repeated field',
    'action: ALLOW, rules: [{http: {headers: [{name: x-role, value: good}]}}]',
    {
      'GET / HTTP/1.1\r\nHost: orders\r\nX-Role: good\r\nX-Role: evil': 403,
      'GET / HTTP/1.1\r\nHost: orders\r\nX-Role: evil\r\nX-Role: good': 403,
      'GET / HTTP/1.1\r\nHost: orders\r\nX-Role: good\r\nX-Role: good': 200,
    },
  ],
  [
    32,
    'a dot in an identity is a dot',
    'action: ALLOW, rules: [{sources: [{type: SPIFFE, spiffe: "spiffe://mesh.test/ns/shop/sa/w.b"}]}]',
    { 'GET / HTTP/1.1\r\nHost: orders': 403 },
  ],
]

for (const [row, name, rule, requests] of POLICIES) {
  test.serial(`row ${row}: ${name}`, async () => {
    const manifest = `apiVersion: outrigger.dev/v1alpha1
kind: AuthorizationPolicy
metadata: {name: row, namespace: shop}
spec: {targetRefs: [{group: "", kind: Service, name: orders}], ${rule}}
`
    await mesh.apply(manifest)
    try {
      for (const [head, status] of Object.entries(requests)) {
        const answer = await exchange(`${head}\r\nConnection: close\r\n\r\n`)
        assert.deepEqual(statusesOf(answer), [status], `${head}\n${answer}`)
      }
    } finally {
      await mesh.delete(manifest)
    }
  })
}
