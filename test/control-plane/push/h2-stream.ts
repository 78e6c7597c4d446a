import { once } from 'node:events'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'

/** How an exchange ended for the client. */
export interface Ending {
  readonly status: number
  readonly body: string
  readonly trailers: IncomingHttpHeaders
}

/** HTTP/2 without TLS on loopback: each stream that a client opens is handed to `onStream`. */
export async function h2Streams(onStream: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void) {
  const server = createServer()
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    onStream(stream as ServerHttp2Stream, headers)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client: ClientHttp2Session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  client.on('error', () => {})
  return {
    open: (headers: IncomingHttpHeaders = {}): ClientHttp2Stream => {
      const stream = client.request({ ':method': 'POST', ':path': '/', ...headers }, { endStream: false })
      stream.on('error', () => {})
      return stream
    },
    async [Symbol.asyncDispose]() {
      client.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** All that a stream says until it is over. */
export async function endingOf(stream: ClientHttp2Stream): Promise<Ending> {
  let [status, body, trailers]: [number, string, IncomingHttpHeaders] = [0, '', {}]
  stream.on('response', (headers) => {
    status = Number(headers[':status'])
  })
  stream.on('data', (chunk: Buffer) => {
    body += chunk.toString()
  })
  stream.on('trailers', (headers) => {
    trailers = headers
  })
  await new Promise((resolve) => stream.once('close', resolve))
  return { status, body, trailers }
}
