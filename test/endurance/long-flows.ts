import { once } from 'node:events'
import { createServer as createHttp1Server, request as httpRequest, type IncomingMessage } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2'
import { type AddressInfo, connect, createServer as createTcpServer, type Server } from 'node:net'
import type { Readable } from 'node:stream'
import { flood, readSlowly } from './slow-reader.ts'

/** One long stream: its application, and its caller. */
export interface LongFlow {
  readonly name: string
  /** What the service's port is said to speak. */
  readonly protocol: string
  /** An application that is asked for, or given, so many octets. */
  application(bytes: number): Server
  /** Makes the stream through `port`; resolves with the octets that its slow reader got. */
  call(port: number, bytes: number): Promise<number>
}

/** Says how much there was. A reading that breaks off is the caller's to tell. */
const answerCount = (stream: Readable, answer: (count: number) => void): void =>
  void readSlowly(stream).then(answer, () => undefined)

/** What the application got of an upload: it says so in its answer. */
const counted = async (stream: Readable): Promise<number> => {
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  if (!/^\d+$/.test(text)) throw new Error(`the upload was answered ${text}`)
  return Number(text)
}

const http1Application = (bytes: number): Server =>
  createHttp1Server({ requestTimeout: 0 }, (request, response) => {
    if (request.method === 'HEAD') response.end()
    else if (request.method === 'POST') answerCount(request, (count) => response.end(String(count)))
    else flood(response.writeHead(200, { 'content-length': bytes }), bytes)
  })

const http2Application = (bytes: number): Server => {
  const server = createHttp2Server()
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => undefined)
    stream.respond({ ':status': 200 })
    if (headers[':method'] === 'HEAD') stream.end()
    else if (headers[':method'] === 'POST') answerCount(stream, (count) => stream.end(String(count)))
    else flood(stream, bytes)
  })
  return server
}

/** The first octet says what is wanted: `d`, or so many octets to come. */
const tcpApplication = (bytes: number): Server =>
  createTcpServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined)
    socket.once('data', (first: Buffer) => {
      if (first[0] === 0x64) return flood(socket, bytes)
      answerCount(socket, (count) => socket.end(String(count + first.length)))
    })
  })

async function http1Call(port: number, method: 'GET' | 'POST', bytes: number): Promise<number> {
  const headers = method === 'POST' ? { 'content-length': bytes } : {}
  const call = httpRequest({ host: '127.0.0.1', port, method, headers, agent: false })
  if (method === 'POST') flood(call, bytes)
  else call.end()
  const [response] = (await once(call, 'response')) as [IncomingMessage]
  return method === 'POST' ? counted(response) : readSlowly(response)
}

async function http2Call(port: number, method: 'GET' | 'POST', bytes: number): Promise<number> {
  const session = connectHttp2(`http://127.0.0.1:${port}`)
  const stream = session.request({ ':method': method, ':path': '/' }, { endStream: method === 'GET' })
  if (method === 'POST') flood(stream, bytes)
  const received = method === 'POST' ? counted(stream) : readSlowly(stream)
  return received.finally(() => session.close())
}

async function tcpCall(port: number, direction: 'down' | 'up', bytes: number): Promise<number> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  if (direction === 'down') {
    socket.end('d')
    return readSlowly(socket)
  }
  flood(socket, bytes)
  return counted(socket)
}

/** Each protocol, each way. */
export const LONG_FLOWS: readonly LongFlow[] = [
  {
    name: 'HTTP/1.1 download',
    protocol: 'http',
    application: http1Application,
    call: (port, bytes) => http1Call(port, 'GET', bytes),
  },
  {
    name: 'HTTP/1.1 upload',
    protocol: 'http',
    application: http1Application,
    call: (port, bytes) => http1Call(port, 'POST', bytes),
  },
  {
    name: 'HTTP/2 download',
    protocol: 'http2',
    application: http2Application,
    call: (port, bytes) => http2Call(port, 'GET', bytes),
  },
  {
    name: 'HTTP/2 upload',
    protocol: 'http2',
    application: http2Application,
    call: (port, bytes) => http2Call(port, 'POST', bytes),
  },
  {
    name: 'TCP download',
    protocol: 'tcp',
    application: tcpApplication,
    call: (port, bytes) => tcpCall(port, 'down', bytes),
  },
  {
    name: 'TCP upload',
    protocol: 'tcp',
    application: tcpApplication,
    call: (port, bytes) => tcpCall(port, 'up', bytes),
  },
]

/** Listens on a free port of loopback: the port, and whether anybody has come. */
export async function listening(server: Server): Promise<{ port: number; isReached: () => boolean }> {
  let isReached = false
  server.once('connection', () => {
    isReached = true
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, isReached: () => isReached }
}
