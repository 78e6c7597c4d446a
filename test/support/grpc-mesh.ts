import { connect, type Socket } from 'node:net'
import * as grpc from '@grpc/grpc-js'
import { type Clock, systemClock } from '../../sidecar/core/clock.ts'
import { eventually } from './eventually.ts'
import { startTestMesh } from './mesh.ts'

const octets = { serialize: (value: Buffer) => value, deserialize: (value: Buffer) => value }
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/test.Orders/${name}`,
  requestStream,
  responseStream,
  requestSerialize: octets.serialize,
  requestDeserialize: octets.deserialize,
  responseSerialize: octets.serialize,
  responseDeserialize: octets.deserialize,
})
const SERVICE = {
  echo: method('Echo', false, false),
  fail: method('Fail', false, false),
  flaky: method('Flaky', false, false),
  late: method('Late', false, false),
  hang: method('Hang', false, false),
  count: method('Count', false, true),
  sum: method('Sum', true, false),
  talk: method('Talk', true, true),
}
const Client = grpc.makeGenericClientConstructor(SERVICE, 'test.Orders')
/** Methods that the constructor makes at run time. */
// biome-ignore lint/suspicious/noExplicitAny: grpc-js has no types for methods that are made at run time
export type Made = any

const DECLARED = `apiVersion: v1
kind: Service
metadata: {name: orders, namespace: shop}
spec: {ports: [{port: 80, appProtocol: grpc}]}
`

/** Carries an accepted connection on to the server of grpc-js, which binds its own port. */
function relay(socket: Socket, port: number): void {
  const there = connect({ port, host: '127.0.0.1' })
  there.on('error', () => socket.destroy())
  there.on('close', () => socket.destroy())
  socket.on('close', () => there.destroy())
  socket.pipe(there).pipe(socket)
}

/** How the application of `grpcMesh` behaves. */
export interface GrpcScript {
  readonly clock?: Clock
  readonly replicas?: number
  readonly manifests?: string
}

/** A mesh with a gRPC application behind a sidecar, and a client of gRPC behind another. */
export async function grpcMesh({ clock = systemClock, replicas = 1, manifests = '' }: GrpcScript = {}) {
  const heard = { cancelled: 0, deadlineMs: 0, flaky: 0 }
  /** So many calls of `flaky` and `late` fail. */
  const script = { failuresLeft: 0 }
  const server = new grpc.Server({ 'grpc.max_receive_message_length': -1 })
  server.addService(SERVICE as Made, {
    echo: (call: Made, reply: Made) => {
      const meta = new grpc.Metadata()
      meta.set('x-said', call.metadata.get('x-say')[0] ?? '')
      meta.set('blob-bin', call.metadata.get('blob-bin')[0] ?? Buffer.alloc(0))
      call.sendMetadata(meta)
      const trailer = new grpc.Metadata()
      trailer.set('x-last', 'word')
      reply(null, call.request, trailer)
    },
    fail: (_call: Made, reply: Made) => reply({ code: grpc.status.FAILED_PRECONDITION, details: 'not today – ever' }),
    flaky: (call: Made, reply: Made) => {
      heard.flaky++
      if (script.failuresLeft-- <= 0) return reply(null, call.request)
      reply({ code: grpc.status.UNAVAILABLE, details: 'not now' })
    },
    late: (call: Made, reply: Made) => {
      call.sendMetadata(new grpc.Metadata())
      if (script.failuresLeft-- <= 0) return reply(null, call.request)
      reply({ code: grpc.status.INTERNAL, details: 'not at all' })
    },
    hang: (call: Made) => {
      heard.deadlineMs = Number(call.getDeadline()) - Date.now()
      call.on('cancelled', () => heard.cancelled++)
    },
    count: (call: Made) => {
      for (let i = 0; i < 100; i++) call.write(Buffer.from(`${i}`))
      call.end()
    },
    sum: (call: Made, reply: Made) => {
      let bytes = 0
      call.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      call.on('end', () => reply(null, Buffer.from(`${bytes}`)))
    },
    talk: (call: Made) => {
      call.on('data', (chunk: Buffer) => call.write(Buffer.from(chunk.toString().toUpperCase())))
      call.on('end', () => call.end())
    },
  })
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  )
  const mesh = await startTestMesh({
    services: { orders: { replicas, raw: (socket) => relay(socket, port) } },
    callers: ['web'],
    clock,
  })
  await mesh.apply(DECLARED + manifests)
  const client: Made = new Client(
    `127.0.0.1:${mesh.workload('web').portFor('orders')}`,
    grpc.credentials.createInsecure(),
    { 'grpc.max_receive_message_length': -1 },
  )
  await eventually('the application answers', () => answers(client))
  return {
    client,
    heard,
    mesh,
    script,
    [Symbol.asyncDispose]: async () => {
      client.close()
      server.forceShutdown()
      await mesh[Symbol.asyncDispose]()
    },
  }
}

/** Whether a call is answered. */
export const answers = (client: Made): Promise<boolean> =>
  new Promise((resolve) => client.echo(Buffer.from('x'), (error: unknown) => resolve(error === null)))
