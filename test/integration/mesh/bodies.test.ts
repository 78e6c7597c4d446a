import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import test from 'ava'
import { eventually, standsStill } from '../../support/eventually.ts'
import { startTestMesh } from '../../support/mesh.ts'
import { bodyOf } from '../../support/mesh-app.ts'
import { rawExchange } from '../../support/raw-exchange.ts'

const sha = (data: Buffer): string => createHash('sha256').update(data).digest('hex')

test('five megabytes go up and down unchanged, with a length and in chunks, many at once', async () => {
  const down = randomBytes(5 * 1024 * 1024)
  await using mesh = await startTestMesh({
    services: {
      orders: async (request, response) => {
        const up = await bodyOf(request)
        response.setHeader('x-up', sha(up))
        if (request.url === '/chunked') {
          response.write(down.subarray(0, 100_000))
          response.end(down.subarray(100_000))
        } else response.writeHead(200, { 'content-length': down.length }).end(down)
      },
    },
    callers: ['web'],
  })
  const up = randomBytes(5 * 1024 * 1024)
  await Promise.all(
    ['/', '/chunked', '/', '/chunked'].map(async (path) => {
      const headers: Record<string, string> = path === '/' ? {} : { 'transfer-encoding': 'chunked' }
      const { status, body, headers: answered } = await mesh.call('web', 'orders', path, { body: up, headers })
      assert.equal(status, 200)
      assert.equal(answered['x-up'], sha(up))
      assert.equal(sha(body), sha(down))
      assert.equal(answered['content-length'], path === '/' ? String(down.length) : undefined)
    }),
  )
})

test('a caller that does not read stops its own response and nobody else', async () => {
  let written = 0
  let isBroken = false
  const piece = Buffer.alloc(256 * 1024)
  await using mesh = await startTestMesh({
    services: {
      orders: async (request, response) => {
        if (request.url !== '/endless') {
          response.end('quick')
          return
        }
        const closed = new Promise<void>((resolve) => response.once('close', resolve)).then(() => {
          isBroken = true
        })
        while (!isBroken && written < 400 * 1024 * 1024) {
          written += piece.length
          if (!response.write(piece)) {
            await Promise.race([closed, new Promise((resolve) => response.once('drain', resolve))])
          }
        }
      },
    },
    callers: ['web'],
  })
  const lazy = await new Promise<{ call: ClientRequest; response: IncomingMessage }>((resolve, reject) => {
    const call = httpRequest({ port: mesh.workload('web').portFor('orders'), path: '/endless' }, (response) => {
      response.pause()
      response.on('error', () => undefined)
      resolve({ call, response })
    })
    call.on('error', reject)
    call.end()
  })
  await standsStill('the response', () => written)
  // windows and our buffers are about 2 MiB; the rest is the kernel's, for two sockets that are not read
  assert(written < 64 * 1024 * 1024, `${written} octets were taken for a caller that reads none`)
  for (let i = 0; i < 20; i++) assert.equal((await mesh.call('web', 'orders', '/')).text, 'quick')
  lazy.call.on('error', () => undefined)
  lazy.response.destroy()
  await eventually('the application hears that its caller went away', () => isBroken)
})

test('HEAD, 204 and 304 have no body, and the connection goes on', async () => {
  await using mesh = await startTestMesh({
    services: {
      orders: (request, response) => {
        if (request.url === '/204') response.writeHead(204, { 'x-a': '1' }).end()
        else if (request.url === '/304') response.writeHead(304, { etag: '"1"' }).end()
        else response.writeHead(200, { 'content-length': 4 }).end(request.method === 'HEAD' ? undefined : 'body')
      },
    },
    callers: ['web'],
  })
  const head = await mesh.call('web', 'orders', '/', { method: 'HEAD' })
  assert.deepEqual([head.status, head.headers['content-length'], head.text], [200, '4', ''])
  const none = await mesh.call('web', 'orders', '/204')
  assert.deepEqual(
    [none.status, none.headers['x-a'], none.headers['content-length'], none.text],
    [204, '1', undefined, ''],
  )
  assert.equal(none.headers['transfer-encoding'], undefined)
  const same = await mesh.call('web', 'orders', '/304')
  assert.deepEqual([same.status, same.headers['etag'], same.text], [304, '"1"', ''])
  const text = await rawExchange(
    mesh.workload('web').portFor('orders'),
    'HEAD / HTTP/1.1\r\nhost: orders\r\n\r\nGET /204 HTTP/1.1\r\nhost: orders\r\n\r\nGET /304 HTTP/1.1\r\nhost: orders\r\n\r\nGET / HTTP/1.1\r\nhost: orders\r\nconnection: close\r\n\r\n',
    () => false,
  )
  assert.deepEqual(
    [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => match[1]),
    ['200', '204', '304', '200'],
  )
  assert(text.endsWith('\r\n\r\nbody'))
})

test('Expect: 100-continue is answered, and the body arrives', async () => {
  await using mesh = await startTestMesh({
    services: { orders: async (request, response) => response.end(`${(await bodyOf(request)).length}`) },
    callers: ['web'],
  })
  const [continued, text] = await new Promise<[boolean, string]>((resolve, reject) => {
    let isContinued = false
    const call = httpRequest(
      {
        port: mesh.workload('web').portFor('orders'),
        method: 'POST',
        headers: { expect: '100-continue', 'content-length': 5_000 },
      },
      (response) => {
        let heard = ''
        response.on('data', (chunk: Buffer) => {
          heard += chunk
        })
        response.on('end', () => resolve([isContinued, heard]))
      },
    )
    call.on('continue', () => {
      isContinued = true
      call.end(Buffer.alloc(5_000))
    })
    call.on('error', reject)
    call.flushHeaders()
  })
  assert.deepEqual([continued, text], [true, '5000'])
})

test('chunked bodies keep their trailers, both ways', async () => {
  await using mesh = await startTestMesh({
    services: {
      orders: async (request, response) => {
        const body = (await bodyOf(request)).toString()
        response.writeHead(200, { trailer: 'x-sum' })
        response.write(`${body}|`)
        response.addTrailers({ 'x-sum': `got ${request.trailers['x-up']}`, 'content-length': '7' })
        response.end()
      },
    },
    callers: ['web'],
  })
  const text = await rawExchange(
    mesh.workload('web').portFor('orders'),
    'POST / HTTP/1.1\r\nhost: orders\r\nte: trailers\r\nconnection: te, close\r\ntransfer-encoding: chunked\r\ntrailer: x-up\r\n\r\n3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nx-up: summit\r\nhost: evil\r\n\r\n',
    () => false,
  )
  assert.match(text, /^HTTP\/1\.1 200 /)
  assert.match(text, /abcde\|/)
  assert.match(text, /\r\n0\r\nx-sum: got summit\r\n\r\n$/i, 'the trailer that frames is dropped')
})

test('sixteen pipelined requests are answered in their order', async () => {
  await using mesh = await startTestMesh({
    services: {
      orders: async (request, response) => {
        await new Promise((resolve) => setTimeout(resolve, request.url === '/0' ? 60 : 1))
        response.end(`<${request.url}>`)
      },
    },
    callers: ['web'],
  })
  const paths = Array.from({ length: 16 }, (_, i) => `/${i}`)
  const last = paths.length - 1
  const text = await rawExchange(
    mesh.workload('web').portFor('orders'),
    paths
      .map((path, i) => `GET ${path} HTTP/1.1\r\nhost: orders\r\n${i === last ? 'connection: close\r\n' : ''}\r\n`)
      .join(''),
    () => false,
  )
  assert.deepEqual(
    [...text.matchAll(/<(\/\d+)>/g)].map((match) => match[1]),
    paths,
  )
})

test('an answer that comes before the upload is complete reaches the caller', async () => {
  await using mesh = await startTestMesh({
    services: { orders: (_request, response) => response.writeHead(413).end('too much') },
    callers: ['web'],
  })
  const answer = await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const call = httpRequest(
      {
        port: mesh.workload('web').portFor('orders'),
        method: 'POST',
        headers: { 'content-length': 50 * 1024 * 1024 },
      },
      (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => {
          text += chunk
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
        response.on('error', reject)
      },
    )
    call.on('error', (error: NodeJS.ErrnoException) => {
      // the connection may be closed under the rest of the upload, once the answer is out
      if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') reject(error)
    })
    call.write(Buffer.alloc(300 * 1024))
  })
  assert.deepEqual(answer, { status: 413, text: 'too much' })
  // and the mesh is none the worse for it
  for (let i = 0; i < 5; i++) assert.equal((await mesh.call('web', 'orders', '/')).status, 413)
})
