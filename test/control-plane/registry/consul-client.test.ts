import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createTcpServer, type Server } from 'node:net'
import test from 'ava'
import Consul from 'consul'

import { ConsulClient } from '../../../control-plane/registry/consul/consul-client.ts'
import { ConsulAgent, isConsulInstalled } from '../../support/consul-agent.ts'

/*
 * The traps of the npm client and of Consul, against a real agent: where a newer client or Consul behaves otherwise,
 * these say so.
 */

const target = (agent: ConsulAgent, token?: string) => ({
  host: agent.host,
  port: agent.port,
  secure: false,
  token,
  timeoutMs: 5_000,
})
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const now = { kind: 'now' } as const

async function listen(server: Server): Promise<{ readonly port: number } & AsyncDisposable> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert(address !== null && typeof address === 'object')
  return { port: address.port, [Symbol.asyncDispose]: async () => void server.close() }
}

let agent: ConsulAgent

if (isConsulInstalled('traps of the Consul client')) {
  test.before(async () => {
    agent = await ConsulAgent.start()
  })
  test.after.always(() => agent?.[Symbol.asyncDispose]())

  test('the npm client resolves a failed compare-and-set and acquire to undefined; ConsulClient to false', async () => {
    const raw = new Consul({ host: agent.host, port: agent.port })
    const { ID: session } = await raw.session.create({ ttl: '10s' })
    assert.equal(await raw.kv.set({ key: 'cas', value: '1', cas: 0 }), true)
    assert.equal(await raw.kv.set({ key: 'cas', value: '2', cas: 0 }), undefined)
    assert.equal(await raw.kv.set({ key: 'held', value: '', acquire: session }), true)
    const { ID: other } = await raw.session.create({ ttl: '10s' })
    assert.equal(await raw.kv.set({ key: 'held', value: '', acquire: other }), undefined)
    raw.destroy()
    const client = new ConsulClient(target(agent))
    assert.deepEqual(await client.put('cas', Buffer.from('3'), 0), { ok: true, value: false })
    client.close()
  })

  test('a key that does not exist is undefined, with an index to wait from', async () => {
    const client = new ConsulClient(target(agent))
    const found = await client.find('nowhere', now)
    assert(found.ok && found.value.value === undefined && found.value.index > 0)
    const listed = await client.list('nowhere/', now)
    assert(listed.ok && listed.value.value.length === 0 && listed.value.index > 0)
    client.close()
  })

  test('an empty value comes back as an empty buffer, not as null', async () => {
    const client = new ConsulClient(target(agent))
    await client.transact([{ Verb: 'set', Key: 'empty', Value: '' }])
    const found = await client.find('empty', now)
    assert(found.ok && found.value.value?.value.length === 0)
    client.close()
  })

  test('a transaction whose condition fails is refused with 409 and says which operation it was', async () => {
    const client = new ConsulClient(target(agent))
    const done = await client.transact([
      { Verb: 'set', Key: 'txn/a', Value: base64('a') },
      { Verb: 'cas', Key: 'txn/b', Value: base64('b'), Index: 99 },
    ])
    assert(!done.ok && done.error.kind === 'refused' && done.error.status === 409)
    assert.deepEqual(
      done.error.problems.map(({ operation }) => operation),
      [1],
    )
    const found = await client.find('txn/a', now)
    assert(found.ok && found.value.value === undefined)
    client.close()
  })

  test('Consul takes a value of 512 KiB whole and 64 operations in a transaction, and no more', async () => {
    const client = new ConsulClient(target(agent))
    const most = 512 * 1024
    assert.deepEqual(await client.put('big', Buffer.alloc(most), undefined), { ok: true, value: true })
    const tooLarge = await client.put('big', Buffer.alloc(most + 1), undefined)
    assert(!tooLarge.ok && tooLarge.error.kind === 'refused' && tooLarge.error.status === 413)
    const operations = Array.from({ length: 65 }, (_, i) => ({ Verb: 'set', Key: `many/${i}`, Value: '' }) as const)
    assert((await client.transact(operations.slice(1))).ok)
    const { body } = await agent.call('GET', '/v1/agent/self')
    if (/"Version":"1\.(\d|1[0-3])\./.test(body)) {
      const tooMany = await client.transact(operations)
      assert(!tooMany.ok && tooMany.error.kind === 'refused' && tooMany.error.status === 413)
    }
    client.close()
  })

  test('a session may not live for less than ten seconds; the error is a value', async () => {
    const client = new ConsulClient(target(agent))
    const session = await client.createSession({ name: 'short', ttl: '5s', lockdelay: '5s' })
    assert(!session.ok && session.error.kind === 'refused')
    client.close()
  })

  test('a blocking query returns without a change when its wait is over, and can be called off', async () => {
    const client = new ConsulClient(target(agent))
    const first = await client.list('calm/', now)
    assert(first.ok)
    const calledOff = new AbortController()
    const ask = { kind: 'on-change', index: first.value.index, waitMs: 50, signal: calledOff.signal } as const
    const unchanged = await client.list('calm/', ask)
    assert(unchanged.ok && unchanged.value.value.length === 0)
    const waiting = client.list('calm/', { ...ask, waitMs: 60_000 })
    calledOff.abort()
    assert.equal((await waiting).ok, false)
    assert.equal((await client.list('calm/', ask)).ok, false)
    client.close()
  })

  test('what another server than Consul answers is a failure, not an empty state', async () => {
    const answers: readonly (readonly [number, Record<string, string>, string])[] = [
      [200, { 'x-consul-index': '5' }, '[{"Key":1}]'],
      [200, { 'x-consul-index': '5' }, '{"a":[]}'],
      [200, { 'x-consul-index': '5' }, 'true'],
      [200, { 'x-consul-index': '5' }, '"x"'],
      [200, { 'x-consul-index': '5' }, '[null]'],
      [200, { 'x-consul-index': '5' }, ''],
      [200, { 'x-consul-index': 'x' }, '[]'],
      [404, {}, ''],
      [302, { location: '/' }, ''],
    ]
    for (const [status, headers, body] of answers) {
      await using server = await listen(
        createHttpServer((_, response) =>
          response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body),
        ),
      )
      const client = new ConsulClient({ ...target(agent), port: server.port })
      for (const answer of [await client.list('x/', now), await client.find('x', now), await client.health('x', now)]) {
        assert(!answer.ok, `${status} ${body} was believed`)
      }
      client.close()
    }
  })

  test('a response that breaks off in the middle fails within the time limit', async () => {
    await using server = await listen(
      createTcpServer((socket) => {
        socket.on('error', () => {})
        socket.once('data', () => {
          socket.end('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n[{"Key"')
        })
      }),
    )
    const client = new ConsulClient({ ...target(agent), port: server.port, timeoutMs: 300 })
    assert.equal((await client.list('x/', now)).ok, false)
    client.close()
  })
} else {
  test('the traps of the Consul client are not tested without Consul', () => {})
}
