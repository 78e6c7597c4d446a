import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import * as grpc from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

/** Methods and messages that proto-loader makes at run time. */
// biome-ignore lint/suspicious/noExplicitAny: grpc-js has no types for what is loaded at run time
type Loaded = any

const loaded: Loaded = grpc.loadPackageDefinition(loadSync(join(import.meta.dirname, 'interop.proto')))
export const { TestService, UnimplementedService } = loaded.grpc.testing

const ECHO_INITIAL = 'x-grpc-test-echo-initial'
const ECHO_TRAILING = 'x-grpc-test-echo-trailing-bin'

/** Says back, before the first message and after the last, what the caller asked to have said back. */
function echoMetadata(call: Loaded): grpc.Metadata {
  const initial = call.metadata.get(ECHO_INITIAL)
  if (initial.length > 0) {
    const metadata = new grpc.Metadata()
    metadata.set(ECHO_INITIAL, initial[0])
    call.sendMetadata(metadata)
  }
  const trailing = new grpc.Metadata()
  for (const value of call.metadata.get(ECHO_TRAILING)) trailing.set(ECHO_TRAILING, value)
  return trailing
}

/** The status that a request wants, undefined when it wants none. */
const wantedStatus = ({ responseStatus }: Loaded): Partial<grpc.StatusObject> | undefined =>
  responseStatus == null ? undefined : { code: responseStatus.code, details: responseStatus.message }

const payload = (size: number): Loaded => ({ payload: { type: 0, body: Buffer.alloc(size) } })

function streamOut(call: Loaded, request: Loaded): void {
  for (const { size } of request.responseParameters) call.write(payload(size))
}

const IMPLEMENTATION: Loaded = {
  emptyCall: (call: Loaded, reply: Loaded) => reply(null, {}, echoMetadata(call)),
  unaryCall: (call: Loaded, reply: Loaded) => {
    const trailing = echoMetadata(call)
    const status = wantedStatus(call.request)
    if (status !== undefined) reply({ ...status, metadata: trailing })
    else reply(null, payload(call.request.responseSize), trailing)
  },
  streamingOutputCall: (call: Loaded) => {
    const trailing = echoMetadata(call)
    streamOut(call, call.request)
    call.end(trailing)
  },
  streamingInputCall: (call: Loaded, reply: Loaded) => {
    const trailing = echoMetadata(call)
    let aggregatedPayloadSize = 0
    call.on('data', ({ payload }: Loaded) => {
      aggregatedPayloadSize += payload.body.length
    })
    call.on('end', () => reply(null, { aggregatedPayloadSize }, trailing))
  },
  fullDuplexCall: (call: Loaded) => {
    const trailing = echoMetadata(call)
    let status: Partial<grpc.StatusObject> | undefined
    call.on('data', (request: Loaded) => {
      status = wantedStatus(request)
      if (status !== undefined) call.emit('error', { ...status, metadata: trailing })
      else streamOut(call, request)
    })
    call.on('end', () => {
      if (status === undefined) call.end(trailing)
    })
  },
}

/** The server of the cases on a port of the system's choice. */
export async function startInteropServer(): Promise<{ server: grpc.Server; serve: (socket: Socket) => void }> {
  const server = new grpc.Server()
  server.addService(TestService.service, IMPLEMENTATION)
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  )
  return { server, serve: (socket) => carry(socket, port) }
}

/** Carries an accepted connection on to the server, which binds its own port. */
function carry(socket: Socket, port: number): void {
  const there = connect({ port, host: '127.0.0.1' })
  there.on('error', () => socket.destroy())
  there.on('close', () => socket.destroy())
  socket.on('close', () => there.destroy())
  socket.pipe(there).pipe(socket)
}

/** Of a case's mesh: the port speaks HTTP/2. */
export const GRPC_SERVICE = `apiVersion: v1
kind: Service
metadata: {name: orders, namespace: shop}
spec: {ports: [{port: 80, appProtocol: grpc}]}
`
