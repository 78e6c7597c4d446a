import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { BODY_BYTES } from './backends/backends.ts'
import { GRPC_PATH, grpcMessage } from './backends/grpc-message.ts'
import type { Wire } from './contestant.ts'
import { HOST } from './host.ts'
import { pause } from './processes.ts'

const TIMEOUT_MS = 5_000
const ATTEMPTS = 100

/** An answer of HTTP/1.1. */
export interface HttpAnswer {
  readonly status: number
  readonly body: string
}

/** One request of HTTP/1.1 on a connection of its own. */
export function askHttp(port: number, method: string, path: string, body?: Buffer): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const headers = { host: HOST, ...(body === undefined ? {} : { 'content-length': body.length }) }
    const sent = request({ host: '127.0.0.1', port, method, path, headers, agent: false, timeout: TIMEOUT_MS })
    sent.on('timeout', () => sent.destroy(new Error('no answer in time')))
    sent.on('error', reject)
    sent.on('response', (response) => {
      let text = ''
      response.setEncoding('latin1').on('data', (chunk: string) => {
        text += chunk
      })
      response.on('error', reject).on('end', () => resolve({ status: response.statusCode ?? 0, body: text }))
    })
    sent.end(body)
  })
}

/** What a unary call of gRPC was answered with. */
export interface GrpcAnswer {
  readonly status: number
  readonly message: Buffer
  /** From the trailers; undefined where there were none. */
  readonly grpcStatus: string | undefined
}

/** One unary call on a connection of its own. */
export async function askGrpc(port: number): Promise<GrpcAnswer> {
  const session = connectHttp2(`http://127.0.0.1:${port}`)
  session.on('error', () => undefined)
  try {
    const stream = session.request({
      ':method': 'POST',
      ':path': GRPC_PATH,
      ':authority': HOST,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    stream.setTimeout(TIMEOUT_MS, () => stream.destroy(new Error('no answer in time')))
    let status = 0
    let grpcStatus: string | undefined
    const pieces: Buffer[] = []
    stream.on('response', (headers) => {
      status = headers[':status'] ?? 0
    })
    stream.on('trailers', (trailers) => {
      grpcStatus = trailers['grpc-status']?.toString()
    })
    stream.on('data', (piece: Buffer) => pieces.push(piece))
    stream.end(grpcMessage())
    await once(stream, 'end')
    return { status, message: Buffer.concat(pieces), grpcStatus }
  } finally {
    session.destroy()
  }
}

/** Connects and waits for the first bytes of a server that speaks first. */
export async function askBytes(port: number): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1')
  try {
    const [bytes] = (await once(socket, 'data', { signal: AbortSignal.timeout(TIMEOUT_MS) })) as [Buffer]
    return bytes
  } finally {
    socket.destroy()
  }
}

const EXPECTED: Readonly<Record<Wire, (port: number) => Promise<void>>> = {
  http: async (port) => {
    for (const [path, bytes] of Object.entries(BODY_BYTES))
      assert.deepEqual(await askHttp(port, 'GET', path), { status: 200, body: 'x'.repeat(bytes) })
    assert.equal((await askHttp(port, 'POST', '/', Buffer.alloc(4_096, 'y'))).status, 200)
  },
  grpc: async (port) => assert.deepEqual(await askGrpc(port), { status: 200, message: grpcMessage(), grpcStatus: '0' }),
  tcp: async (port) => assert.equal((await askBytes(port)).toString('latin1', 0, 4), 'xxxx'),
}

/** Waits until the port gives exactly what the backend answers; rejects with what was wrong at last. */
export const answering = (wire: Wire, port: number): Promise<void> => patiently(() => EXPECTED[wire](port))

/** Waits until the port answers a request of HTTP/1.1 with 200, whatever it says. */
export const answeringOk = (port: number): Promise<void> =>
  patiently(async () => assert.equal((await askHttp(port, 'GET', '/')).status, 200))

/** Tries for some 10 s. */
async function patiently(attemptOnce: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptOnce()
    } catch (error) {
      if (attempt === ATTEMPTS) throw error
      await pause(100)
    }
  }
}
