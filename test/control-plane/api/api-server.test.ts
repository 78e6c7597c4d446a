import assert from 'node:assert/strict'
import { request } from 'node:http'
import test from 'ava'
import { ok } from '../../../certs/result.ts'
import { ApiServer } from '../../../control-plane/api/api-server.ts'
import { tokenRoutes } from '../../../control-plane/api/token-routes.ts'
import { systemClock } from '../../../sidecar/core/clock.ts'
import { TurnedClock } from '../../support/turned-clock.ts'

const MAX_BODY_BYTES = 4 * 1024 * 1024

/** An API with one route that says how long the body was, one that fails, and a mount at `/ui`. */
async function listening() {
  const errors: unknown[] = []
  const server = new ApiServer({
    clock: systemClock,
    access: { adminToken: 'the-token', hostNames: [] },
    routes: [
      { method: 'PUT', pattern: '/v1/length', answer: ({ body }) => ({ status: 200, body: body.length }) },
      {
        method: 'GET',
        pattern: '/v1/fails',
        answer: () => {
          throw new Error('a secret')
        },
      },
    ],
    mounts: [
      {
        handles: (target) => target?.startsWith('/ui') === true,
        onRequest: (_, response) => void response.end('mounted'),
        onUpgrade: (_, socket) =>
          void socket.end('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'),
      },
    ],
    trace: (_, work) => work(),
    onError: (error) => errors.push(error),
  })
  const port = await server.listen(0, '127.0.0.1')
  assert(port.ok)
  const send = (path: string, options: RequestInit = {}) =>
    fetch(`http://127.0.0.1:${port.value}${path}`, { headers: { authorization: 'Bearer the-token' }, ...options })
  /** The status that an upgrade is answered with. */
  const upgrade = (path: string, headers: Record<string, string>): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const sent = request({
        host: '127.0.0.1',
        port: port.value,
        path,
        headers: { ...headers, connection: 'upgrade', upgrade: 'websocket' },
      })
      sent.on('response', (response) => {
        response.resume()
        resolve(response.statusCode)
      })
      sent.on('upgrade', (response, socket) => {
        socket.destroy()
        resolve(response.statusCode)
      })
      sent.on('error', reject)
      sent.end()
    })
  return { send, upgrade, errors, [Symbol.asyncDispose]: () => server.close(1_000) }
}

test('a body is taken up to its limit and refused above it', async () => {
  await using at = await listening()
  const most = await at.send('/v1/length', { method: 'PUT', body: 'x'.repeat(MAX_BODY_BYTES) })
  assert.deepEqual([most.status, await most.json()], [200, MAX_BODY_BYTES])
  const over = await at.send('/v1/length', { method: 'PUT', body: 'x'.repeat(MAX_BODY_BYTES + 1) })
  assert.equal(over.status, 413)
  await over.text()
})

test('whoever may not use the API may not upgrade a connection to what is mounted beside it either', async () => {
  await using at = await listening()
  const authorization = 'Bearer the-token'
  assert.equal(await at.upgrade('/ui/ws', { authorization }), 101)
  assert.equal(await at.upgrade('/ui/ws', {}), 404)
  assert.equal(await at.upgrade('/ui/ws', { authorization, origin: 'http://evil.example' }), 404)
  assert.equal(await at.upgrade('/ui/ws', { authorization, host: 'evil.example' }), 404)
  assert.equal(await at.upgrade('/v1/length', { authorization }), 404)
})

test('a route that fails is told to the log and not to the caller', async () => {
  await using at = await listening()
  const failed = await at.send('/v1/fails')
  assert.equal(failed.status, 500)
  assert.doesNotMatch(await failed.text(), /secret/)
  assert.match(String(at.errors[0]), /a secret/)
})

test('a join token lives from a second to thirty days, an hour where nothing is said', async () => {
  const expiring: number[] = []
  const [create] = tokenRoutes(
    {
      create: async ({ expiresAtMs }) => {
        expiring.push(expiresAtMs)
        return ok({ id: 'id', text: 'text' })
      },
      revoke: async () => ok(false),
    },
    new TurnedClock(1_000_000),
  )
  const statusFor = async (ttlMs: number | undefined): Promise<number | undefined> => {
    const body = JSON.stringify({ namespaces: ['shop'], serviceAccounts: ['web'], ttlMs })
    const answer = create?.answer({ params: {}, query: new URLSearchParams(), body, contentType: 'application/json' })
    return (await answer)?.status
  }
  const statuses = []
  for (const ttlMs of [undefined, 1_000, 30 * 86_400_000, 999, 30 * 86_400_000 + 1, 1.5, -1])
    statuses.push(await statusFor(ttlMs))
  assert.deepEqual(statuses, [201, 201, 201, 400, 400, 400, 400])
  assert.deepEqual(
    expiring.map((ms) => ms - 1_000_000),
    [3_600_000, 1_000, 30 * 86_400_000],
  )
})
