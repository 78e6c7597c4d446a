import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders, type RequestListener, request, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import test from 'ava'
import { createJaegerProxy } from '../../../control-plane/dashboard/jaeger-proxy.ts'

interface Listening extends AsyncDisposable {
  readonly port: number
}

async function listen(server: Server): Promise<Listening> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Answers `METHOD path` and the headers it got; upgrades to an echo. */
function fakeJaeger(onRequest?: RequestListener): Promise<Listening> {
  const server = createServer(
    onRequest ??
      ((req, res) => {
        const chunks: Buffer[] = []
        req.on('data', (chunk: Buffer) => chunks.push(chunk))
        req.on('end', () => {
          res.writeHead(200, { 'content-type': 'application/json' })
          res.end(
            JSON.stringify({
              asked: `${req.method} ${req.url}`,
              headers: req.headers,
              body: `${Buffer.concat(chunks)}`,
            }),
          )
        })
      }),
  )
  server.on('upgrade', (req, socket: Socket, head: Buffer) => {
    if (req.url === '/plain') {
      socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n')
      return
    }
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nx-path: ${req.url}\r\n\r\n`,
    )
    socket.write(head)
    socket.pipe(socket)
    socket.on('error', () => socket.destroy())
  })
  return listen(server)
}

/** A server as the control plane's API: everything that is not Jaeger's is 404. */
function api(jaeger: string): Promise<Listening> {
  const proxy = createJaegerProxy(jaeger)
  assert(proxy.ok)
  const server = createServer((req, res) => {
    if (proxy.value.handles(req.url)) proxy.value.onRequest(req, res)
    else res.writeHead(404).end('not Jaeger')
  })
  server.on('upgrade', (req, socket: Socket, head: Buffer) => proxy.value.onUpgrade(req, socket, head))
  return listen(server)
}

interface Answered {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

function ask(
  port: number,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
  body = '',
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('error', reject)
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks).toString() }),
      )
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Sends an upgrade and resolves with what came back once it holds `until`, or the connection ended. */
function upgrade(port: number, path: string, headers: string, until: string, then = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      if (text.includes('\r\n\r\n') && then !== '' && !text.includes(then)) socket.write(then)
      if (text.includes(until)) socket.destroy()
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(text))
    socket.write(
      `GET ${path} HTTP/1.1\r\nhost: cp.local\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n${headers}\r\n`,
    )
  })
}

test('requests under /jaeger reach Jaeger without the prefix, others do not', async () => {
  await using jaeger = await fakeJaeger()
  await using server = await api(`http://127.0.0.1:${jaeger.port}`)
  for (const [path, asked] of [
    ['/jaeger', 'GET /'],
    ['/jaeger/', 'GET /'],
    ['/jaeger?x=1', 'GET /?x=1'],
    ['/jaeger/api/traces?service=orders', 'GET /api/traces?service=orders'],
  ] as const) {
    assert.equal(JSON.parse((await ask(server.port, path)).body).asked, asked)
  }
  assert.equal((await ask(server.port, '/jaegers')).body, 'not Jaeger')
})

test('a base path that Jaeger was started with is kept', async () => {
  await using jaeger = await fakeJaeger()
  await using server = await api(`http://127.0.0.1:${jaeger.port}/jaeger/`)
  assert.equal(JSON.parse((await ask(server.port, '/jaeger/search')).body).asked, 'GET /jaeger/search')
})

test('credentials for the control plane do not go to Jaeger', async () => {
  await using jaeger = await fakeJaeger()
  await using server = await api(`http://127.0.0.1:${jaeger.port}`)
  const secret = { authorization: 'Bearer s3cret', cookie: 'session=s3cret', 'x-kept': 'yes' }
  const { body } = await ask(server.port, '/jaeger/api', secret)
  assert(!body.includes('s3cret'), body)
  assert.equal(JSON.parse(body).headers['x-kept'], 'yes')
})

test('a body is carried, unless a page of another origin sent it', async () => {
  await using jaeger = await fakeJaeger()
  await using server = await api(`http://127.0.0.1:${jaeger.port}`)
  const host = 'cp.local:15011'
  const same = await ask(server.port, '/jaeger/api', { host, origin: `http://${host}` }, 'POST', 'hello')
  assert.equal(JSON.parse(same.body).body, 'hello')
  for (const origin of ['http://evil.example', 'null', 'http://cp.local', `ftp://${host}`]) {
    assert.equal((await ask(server.port, '/jaeger/api', { host, origin }, 'POST', 'x')).status, 403, origin)
  }
})

test('the base of a page and redirects are rewritten, so that Jaeger needs no setting', async () => {
  await using jaeger = await fakeJaeger((req, res) => {
    if (req.url === '/move') res.writeHead(302, { location: '/search?x=1' }).end()
    else if (req.url === '/away') res.writeHead(302, { location: 'http://elsewhere.example/search' }).end()
    else {
      const page = '<html><head><base href="/" data-inject-target="BASE_URL"/></head></html>'
      res.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-length': page.length, etag: '"x"' })
      res.end(`${req.headers['accept-encoding']}` === 'identity' ? page : 'packed')
    }
  })
  await using server = await api(`http://127.0.0.1:${jaeger.port}`)
  const page = await ask(server.port, '/jaeger/search', { accept: 'text/html', 'accept-encoding': 'gzip' })
  assert.equal(page.body, '<html><head><base href="/jaeger/" data-inject-target="BASE_URL"/></head></html>')
  assert.deepEqual([page.headers['content-length'], page.headers.etag], [String(page.body.length), undefined])
  assert.equal((await ask(server.port, '/jaeger/move')).headers.location, '/jaeger/search?x=1')
  assert.equal((await ask(server.port, '/jaeger/away')).headers.location, 'http://elsewhere.example/search')
})

test('a page that is too large to rewrite goes on as it is', async () => {
  const large = `<base href="/">${'x'.repeat(600 * 1024)}`
  await using jaeger = await fakeJaeger((_req, res) => res.writeHead(200, { 'content-type': 'text/html' }).end(large))
  await using server = await api(`http://127.0.0.1:${jaeger.port}`)
  assert.equal((await ask(server.port, '/jaeger/')).body, large)
})

test('a WebSocket is carried both ways', async () => {
  await using jaeger = await fakeJaeger()
  await using server = await api(`http://127.0.0.1:${jaeger.port}`)
  const text = await upgrade(server.port, '/jaeger/live', 'origin: http://cp.local\r\n', 'ping!', 'ping!')
  assert.match(text, /^HTTP\/1\.1 101 .*\r\n/)
  assert(text.includes('x-path: /live') && text.endsWith('ping!'), text)
})

test('a WebSocket of a page of another origin is refused (cross-site WebSocket hijacking)', async () => {
  await using jaeger = await fakeJaeger()
  await using server = await api(`http://127.0.0.1:${jaeger.port}`)
  const text = await upgrade(server.port, '/jaeger/live', 'origin: http://evil.example\r\n', 'never')
  assert.match(text, /^HTTP\/1\.1 403 /)
})

test('an upgrade that Jaeger does not answer with one is 502', async () => {
  await using jaeger = await fakeJaeger()
  await using server = await api(`http://127.0.0.1:${jaeger.port}`)
  assert.match(await upgrade(server.port, '/jaeger/plain', '', 'never'), /^HTTP\/1\.1 502 /)
})

test('while Jaeger is away a page says so, and the server goes on', async () => {
  const gone = await fakeJaeger()
  const { port } = gone
  await gone[Symbol.asyncDispose]()
  await using server = await api(`http://127.0.0.1:${port}`)
  const answer = await ask(server.port, '/jaeger/search')
  assert.equal(answer.status, 502)
  assert.match(answer.body, /Jaeger is away/)
  assert(answer.body.includes(`http://127.0.0.1:${port} (ECONNREFUSED)`), answer.body)
  assert.match(await upgrade(server.port, '/jaeger/live', '', 'never'), /^HTTP\/1\.1 502 /)
  assert.equal((await ask(server.port, '/other')).status, 404)
})

test('a response that Jaeger breaks off is broken off here too', async () => {
  await using jaeger = await fakeJaeger((_req, res) => {
    res.writeHead(200, { 'content-length': '100' })
    res.write('half', () => res.destroy())
  })
  await using server = await api(`http://127.0.0.1:${jaeger.port}`)
  await assert.rejects(ask(server.port, '/jaeger/static/x.js'), { code: 'ECONNRESET' })
})

test('what is no http URL is refused with a sentence', () => {
  for (const base of ['', 'jaeger:16686', 'ftp://jaeger', 'http://user:pass@jaeger', 'http://jaeger/?q']) {
    const proxy = createJaegerProxy(base)
    assert(!proxy.ok)
    assert.match(proxy.error, /^".*" is not where Jaeger can be; wanted an http\(s\) URL/)
  }
})
