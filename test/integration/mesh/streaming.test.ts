import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import test from 'ava'
import { eventually, startTestMesh, type TestMesh } from '../../support/mesh.ts'
import { bodyOf } from '../../support/mesh-app.ts'

const sha = (data: Buffer): string => createHash('sha256').update(data).digest('hex')
const trafficPolicy = (settings: string): string => `apiVersion: outrigger.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: orders, namespace: shop}
spec: {targetRefs: [{group: "", kind: Service, name: orders}], ${settings}}
`
const open = (mesh: TestMesh, path: string, headers: Record<string, string> = {}): ClientRequest =>
  httpRequest({ port: mesh.workload('web').portFor('orders'), method: 'POST', path, headers })

test('a request and its response flow at the same time', async () => {
  await using mesh = await startTestMesh({
    services: {
      orders: (request, response) => {
        response.writeHead(200)
        request.on('data', (chunk: Buffer) => response.write(chunk.toString().toUpperCase()))
        request.on('end', () => response.end('!'))
      },
    },
    callers: ['web'],
  })
  const call = open(mesh, '/')
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    call.on('response', resolve)
    call.on('error', reject)
    call.write('first ')
  })
  const heard: string[] = []
  response.on('data', (chunk: Buffer) => heard.push(chunk.toString()))
  await eventually('the first piece is back before the second is sent', () => heard.join('') === 'FIRST ')
  call.write('second ')
  await eventually('the second piece is back', () => heard.join('') === 'FIRST SECOND ')
  call.end()
  await eventually('the end is heard', () => response.complete)
  assert.equal(heard.join(''), 'FIRST SECOND !')
})

for (const [size, wanted] of [
  [0, 200],
  [10, 200],
  [60_000, 200],
  [300_000, 502],
] as const) {
  test(`a PUT of ${size} octets whose try breaks is ${wanted === 200 ? 'sent again whole' : 'not sent again, as it was not kept'}`, async () => {
    const sums: string[] = []
    await using mesh = await startTestMesh({
      services: {
        orders: async (request, response) => {
          sums.push(sha(await bodyOf(request)))
          if (sums.length <= 2) request.socket.resetAndDestroy()
          else response.end(sums.at(-1))
        },
      },
      callers: ['web'],
    })
    const body = randomBytes(size)
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
      sums.length = 0
      const { status, text } = await mesh.call('web', 'orders', '/', { method: 'PUT', body, headers })
      assert.equal(status, wanted, text)
      assert(
        sums.every((sum) => sum === sha(body)),
        'each try had the whole body',
      )
      if (wanted === 200) assert.equal(text, sha(body))
      else assert.equal(sums.length, 1)
    }
  })
}

test('a POST with an idempotency-key is tried again, one without is not', async () => {
  let calls = 0
  await using mesh = await startTestMesh({
    services: {
      orders: async (request, response) => {
        await bodyOf(request)
        if (++calls === 1) request.socket.resetAndDestroy()
        else response.end('ok')
      },
    },
    callers: ['web'],
  })
  const without = await mesh.call('web', 'orders', '/', { body: 'order' })
  assert.deepEqual([without.status, without.headers['x-outrigger-error'], calls], [502, 'reset', 1])
  calls = 0
  const headers = { 'idempotency-key': '"1"' }
  const keyed = await mesh.call('web', 'orders', '/', { body: 'order', headers })
  assert.deepEqual([keyed.status, calls], [200, 2])
})

test('an application that does not read stops its own upload and nobody else', async () => {
  await using mesh = await startTestMesh({
    services: {
      orders: (request, response) => {
        if (request.url === '/quick') response.end('quick')
        else request.pause()
      },
    },
    callers: ['web'],
  })
  const call = open(mesh, '/stuck', { 'content-length': String(1024 ** 3) })
  call.on('error', () => undefined)
  let written = 0
  let isOpen = true
  call.on('close', () => {
    isOpen = false
  })
  const piece = Buffer.alloc(256 * 1024)
  const pump = async (): Promise<void> => {
    while (isOpen && written < 400 * 1024 * 1024) {
      written += piece.length
      if (!call.write(piece)) await new Promise<void>((resolve) => call.once('drain', resolve))
    }
  }
  void pump()
  let before = -1
  while (before !== written) {
    before = written
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  assert(written < 64 * 1024 * 1024, `${written} octets were taken for an application that reads none`)
  for (let i = 0; i < 20; i++) assert.equal((await mesh.call('web', 'orders', '/quick')).text, 'quick')
  call.destroy()
})

test('a stream that moves nothing for the idle timeout is ended, one that moves is not', async () => {
  await using mesh = await startTestMesh({
    services: {
      orders: async (request, response) => {
        response.writeHead(200).write('begin')
        if (request.url === '/still') return
        for (let i = 0; i < 12; i++) {
          await new Promise((resolve) => setTimeout(resolve, 100))
          response.write('.')
        }
        response.end()
      },
    },
    callers: ['web'],
    manifests: trafficPolicy('timeouts: {request: 0s, streamIdle: 500ms}'),
  })
  assert.equal((await mesh.call('web', 'orders', '/moving')).text, `begin${'.'.repeat(12)}`)
  await assert.rejects(mesh.call('web', 'orders', '/still'), /broken off|aborted|ECONNRESET/)
})
