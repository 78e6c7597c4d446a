import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import test from 'ava'

import { ConsulClient } from '../../../control-plane/registry/consul/consul-client.ts'

const SECRET = '5ec4e7aa-0000-4000-8000-000000000001'

/** A client of a server that is not Consul. */
async function clientOf(listener: RequestListener) {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = new ConsulClient({ host: '127.0.0.1', port, secure: false, token: SECRET, timeoutMs: 5_000 })
  return {
    client,
    async [Symbol.asyncDispose]() {
      client.close()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

test('the token is sent in a header, and no message holds it, wherever a server repeats it', async () => {
  const tokens: unknown[] = []
  await using at = await clientOf((request, response) => {
    tokens.push(request.headers['x-consul-token'])
    assert(!request.url?.includes(SECRET))
    response.writeHead(403, { 'content-type': 'text/plain' }).end(`ACL not found: ${SECRET}, I said ${SECRET}`)
  })
  const answers = [
    await at.client.find('k', { kind: 'now' }),
    await at.client.put('k', Buffer.of(), undefined),
    await at.client.transact([{ Verb: 'set', Key: 'k', Value: '' }]),
    await at.client.createSession({ name: 'n', ttl: '15s', lockdelay: '5s' }),
  ]
  for (const answer of answers) {
    assert(!answer.ok && answer.error.kind === 'refused')
    assert.equal(answer.error.status, 403)
    assert.match(answer.error.detail, /\(token\)/)
    assert(!JSON.stringify(answer.error).includes(SECRET))
  }
  assert.deepEqual(tokens, Array(4).fill(SECRET))
})

test('a query waits for what comes after its index, and never asks with an index of 0, which would not wait', async () => {
  const urls: URL[] = []
  await using at = await clientOf((request, response) => {
    urls.push(new URL(request.url ?? '', 'http://consul'))
    response.writeHead(404, { 'x-consul-index': '9' }).end()
  })
  const { signal } = new AbortController()
  for (const index of [0, 1, 42]) {
    const answer = await at.client.list('mesh/', { kind: 'on-change', index, waitMs: 1_234.4, signal })
    assert(answer.ok)
  }
  assert((await at.client.list('mesh/', { kind: 'now' })).ok)
  assert.deepEqual(
    urls.map(({ searchParams }) => [searchParams.get('index'), searchParams.get('wait')]),
    [
      ['1', '1234ms'],
      ['1', '1234ms'],
      ['42', '1234ms'],
      [null, null],
    ],
  )
  assert.deepEqual(
    urls.map(({ searchParams }) => searchParams.has('consistent')),
    [false, false, false, true],
  )
})

test('an answer of a server that knows no leader says so', async () => {
  const headers: Record<string, string> = { 'x-consul-index': '9' }
  await using at = await clientOf((_, response) => void response.writeHead(404, headers).end())
  const knowsLeader = async (): Promise<boolean> => {
    const answer = await at.client.list('mesh/', { kind: 'now' })
    assert(answer.ok)
    return answer.value.knowsLeader
  }
  assert.equal(await knowsLeader(), true)
  for (const said of ['true', 'false']) {
    headers['x-consul-knownleader'] = said
    assert.equal(String(await knowsLeader()), said)
  }
})
