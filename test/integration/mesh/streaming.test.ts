import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { type ClientRequest, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import test from 'ava'
import { eventually, standsStill } from '../../support/eventually.ts'
import { LeapingClock } from '../../support/leaping-clock.ts'
import { startTestMesh, type TestMesh } from '../../support/mesh.ts'
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
  await standsStill('the upload', () => written)
  assert(written < 64 * 1024 * 1024, `${written} octets were taken for an application that reads none`)
  for (let i = 0; i < 20; i++) assert.equal((await mesh.call('web', 'orders', '/quick')).text, 'quick')
  call.destroy()
})

test('a stream that moves nothing for the idle timeout is ended, one that moves is not', async () => {
  const clock = new LeapingClock()
  let application: ServerResponse | undefined
  await using mesh = await startTestMesh({
    services: {
      orders: (_request, response) => {
        application = response
        response.writeHead(200).write('begin')
      },
    },
    callers: ['web'],
    clock,
    manifests: trafficPolicy('timeouts: {request: 0s, streamIdle: 40s}'),
  })
  const call = open(mesh, '/')
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    call.on('response', resolve).on('error', reject)
    call.end()
  })
  call.on('error', () => undefined)
  let heard = ''
  let ending: string | undefined
  response.on('data', (chunk: Buffer) => {
    heard += chunk
  })
  response.on('error', (error: NodeJS.ErrnoException) => {
    ending = error.code
  })
  await eventually('it begins', () => heard === 'begin')
  for (let i = 1; i <= 4; i++) {
    clock.leap(20_000)
    application?.write('.')
    await eventually('it moves', () => heard === `begin${'.'.repeat(i)}`)
  }
  assert.equal(ending, undefined, 'twice the idle timeout is over')
  clock.leap(40_000)
  await eventually('it is ended', () => ending !== undefined)
  assert.equal(ending, 'ECONNRESET')
})
