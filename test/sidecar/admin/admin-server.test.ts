import assert from 'node:assert/strict'
import { request } from 'node:http'
import { connect } from 'node:net'
import test from 'ava'
import { type AdminSources, isLoopbackHost, startAdminServer } from '../../../sidecar/admin/admin-server.ts'
import type { LocalServer } from '../../../sidecar/admin/local-server.ts'
import { systemClock } from '../../../sidecar/core/clock.ts'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import { Logger } from '../../../sidecar/core/logger.ts'

const LOCAL = { host: '127.0.0.1', port: 0 }

function sources(more: Partial<AdminSources> = {}): AdminSources {
  return {
    config: () => ({ generation: 7 }),
    endpoints: () => ({ services: [] }),
    certificates: () => ({ chain: [] }),
    decisions: () => [{ status: 200 }],
    drain: () => undefined,
    log: Logger.to(() => undefined, systemClock),
    ...more,
  }
}

async function start(more?: Partial<AdminSources>): Promise<LocalServer> {
  const started = await startAdminServer(LOCAL, sources(more))
  assert(started.ok)
  return started.value
}

interface Answered {
  readonly status: number
  readonly body: string
}

/** `fetch` does not let the Host header be chosen. */
function ask(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body = '',
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const sent = request({ port, host: '127.0.0.1', method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

test('the admin port shows configuration, endpoints, certificates and recent decisions', async () => {
  await using server = await start()
  for (const [path, body] of [
    ['/config', { generation: 7 }],
    ['/endpoints?x=1', { services: [] }],
    ['/certs', { chain: [] }],
    ['/trace', [{ status: 200 }]],
  ] as const) {
    const answer = await ask(server.port, 'GET', path)
    assert.deepEqual([answer.status, JSON.parse(answer.body)], [200, body])
  }
})

for (const [host, status] of [
  ['localhost', 200],
  ['LOCALHOST:15000', 200],
  ['127.8.9.10:15000', 200],
  ['[::1]:15000', 200],
  ['evil.example', 403],
  ['127.0.0.1.evil.example:15000', 403],
  ['127.0.0.1@evil.example', 403],
  ['10.0.0.1', 403],
] as const) {
  test(`a request with Host "${host}" is answered with ${status} (DNS rebinding)`, async () => {
    await using server = await start()
    assert.equal((await ask(server.port, 'GET', '/config', { host })).status, status)
  })
}

test('a request with an Origin is refused: a web page may not drain a sidecar', async () => {
  await using server = await start({ drain: () => assert.fail('drained') })
  assert.equal((await ask(server.port, 'POST', '/drain', { origin: 'http://localhost:15000' })).status, 403)
})

test('a drain is begun by POST only', async () => {
  let drains = 0
  await using server = await start({ drain: () => drains++ })
  assert.equal((await ask(server.port, 'GET', '/drain')).status, 405)
  assert.equal(drains, 0)
  assert.equal((await ask(server.port, 'POST', '/drain')).status, 202)
  assert.equal(drains, 1)
})

test('the log level is set by its name, and nothing else is taken for one', async () => {
  const log = Logger.to(() => undefined, systemClock)
  await using server = await start({ log })
  assert.equal((await ask(server.port, 'POST', '/log-level', {}, 'debug\n')).status, 200)
  assert.equal(log.level, 'debug')
  assert.equal((await ask(server.port, 'POST', '/log-level', {}, '{"level": "warn"}')).status, 200)
  assert.equal(log.level, 'warn')
  const refused = await ask(server.port, 'POST', '/log-level', {}, 'loud')
  assert.deepEqual(
    [refused.status, JSON.parse(refused.body)],
    [400, { error: 'wanted one of debug, info, warn, error, off' }],
  )
  assert.equal(log.level, 'warn')
})

test('a body over the limit is refused and the server goes on', async () => {
  await using server = await start()
  const answer = await ask(server.port, 'POST', '/log-level', {}, 'x'.repeat(LIMITS.adminBodyBytes + 1))
  assert.equal(answer.status, 413)
  assert.equal((await ask(server.port, 'GET', '/config')).status, 200)
})

test('an unknown path is answered with what there is', async () => {
  await using server = await start()
  const answer = await ask(server.port, 'GET', '/constructor')
  assert.equal(answer.status, 404)
  assert(JSON.parse(answer.body).routes.includes('GET /config'))
})

test('a source that throws is answered with 500 and its reason', async () => {
  await using server = await start({
    config: () => {
      throw new Error('no snapshot yet')
    },
  })
  const answer = await ask(server.port, 'GET', '/config')
  assert.deepEqual([answer.status, JSON.parse(answer.body)], [500, { error: 'no snapshot yet' }])
})

test('the admin port does not listen beyond loopback, and says when a port is taken', async () => {
  assert.deepEqual(await startAdminServer({ host: '0.0.0.0', port: 0 }, sources()), {
    ok: false,
    error: 'Cannot serve the admin port on "0.0.0.0": wanted a loopback address',
  })
  await using server = await start()
  assert.deepEqual(await startAdminServer({ ...LOCAL, port: server.port }, sources()), {
    ok: false,
    error: `Cannot listen on 127.0.0.1:${server.port} (--admin): the port is in use by another program; stop it, or choose another port`,
  })
})

test('closing does not wait for a client that says nothing', async () => {
  const server = await start()
  const silent = connect(server.port, '127.0.0.1')
  await new Promise((resolve) => silent.once('connect', resolve))
  const gone = new Promise((resolve) => silent.once('close', resolve))
  silent.on('error', () => undefined)
  silent.write('GET /config HTTP/1.1\r\n')
  await server.close()
  await gone
})

test('loopback is 127.0.0.0/8, ::1 and localhost', () => {
  for (const host of ['127.0.0.1', '127.255.255.255', '::1', 'localhost'])
    assert.equal(isLoopbackHost(host), true, host)
  for (const host of ['', '127.0.0', '127.0.0.256', '128.0.0.1', '::', 'localhost.example']) {
    assert.equal(isLoopbackHost(host), false, host)
  }
})
