import assert from 'node:assert/strict'
import * as grpc from '@grpc/grpc-js'
import test from 'ava'
import { startTestMesh, type TestMesh } from '../../support/mesh.ts'
import { bytesOf, callOnce, nextMessage, resultOf } from './calls.ts'
import { GRPC_SERVICE, startInteropServer, TestService, UnimplementedService } from './interop-service.ts'

const { OK, UNKNOWN, CANCELLED, DEADLINE_EXCEEDED, UNIMPLEMENTED } = grpc.status
const REQUEST_BYTES = [27_182, 8, 1_828, 45_904]
const RESPONSE_BYTES = [31_415, 9, 2_653, 58_979]
const ECHO_INITIAL = 'x-grpc-test-echo-initial'
const ECHO_TRAILING = 'x-grpc-test-echo-trailing-bin'

const payload = (bytes: number): { body: Buffer } => ({ body: Buffer.alloc(bytes) })
/** A message that asks for one of each of these sizes. */
const wanting = (sizes: readonly number[], bytes: number): object => ({
  responseParameters: sizes.map((size) => ({ size })),
  payload: payload(bytes),
})

let mesh: TestMesh
let server: grpc.Server
// biome-ignore lint/suspicious/noExplicitAny: grpc-js has no types for methods that are loaded at run time
let client: any
let address = ''

test.before(async () => {
  const started = await startInteropServer()
  server = started.server
  mesh = await startTestMesh({
    services: { orders: { raw: started.serve } },
    callers: ['web'],
    manifests: GRPC_SERVICE,
  })
  address = `127.0.0.1:${mesh.workload('web').portFor('orders')}`
  client = new TestService(address, grpc.credentials.createInsecure())
})
test.after.always(async () => {
  client.close()
  server.forceShutdown()
  await mesh[Symbol.asyncDispose]()
})

test('empty_unary', async () => {
  const { status, messages } = await callOnce(client, 'emptyCall', {})
  assert.deepEqual([status.code, messages.length], [OK, 1])
})

test('large_unary', async () => {
  const request = { responseSize: 314_159, payload: payload(271_828) }
  const { status, messages } = await callOnce(client, 'unaryCall', request)
  assert.equal(status.code, OK)
  assert.deepEqual(bytesOf(messages), [314_159])
})

test('client_streaming', async () => {
  const answer = Promise.withResolvers<{ aggregatedPayloadSize: number }>()
  const call = client.streamingInputCall((error: Error | null, value: { aggregatedPayloadSize: number }) =>
    error === null ? answer.resolve(value) : answer.reject(error),
  )
  for (const bytes of REQUEST_BYTES) call.write({ payload: payload(bytes) })
  call.end()
  assert.equal((await answer.promise).aggregatedPayloadSize, 74_922)
})

test('server_streaming', async () => {
  const { status, messages } = await resultOf(client.streamingOutputCall(wanting(RESPONSE_BYTES, 0)))
  assert.equal(status.code, OK)
  assert.deepEqual(bytesOf(messages), RESPONSE_BYTES)
})

test('ping_pong', async () => {
  const call = client.fullDuplexCall()
  const result = resultOf(call)
  for (const [i, bytes] of REQUEST_BYTES.entries()) {
    const next = nextMessage(call)
    call.write(wanting([RESPONSE_BYTES[i] ?? 0], bytes))
    assert.deepEqual(bytesOf([await next]), [RESPONSE_BYTES[i]])
  }
  call.end()
  const { status, messages } = await result
  assert.deepEqual([status.code, messages.length], [OK, 4])
})

test('empty_stream', async () => {
  const call = client.fullDuplexCall()
  call.end()
  const { status, messages } = await resultOf(call)
  assert.deepEqual([status.code, messages.length], [OK, 0])
})

test('cancel_after_begin', async () => {
  const call = client.streamingInputCall(() => undefined)
  const result = resultOf(call)
  call.cancel()
  assert.equal((await result).status.code, CANCELLED)
})

test('cancel_after_first_response', async () => {
  const call = client.fullDuplexCall()
  const result = resultOf(call)
  const next = nextMessage(call)
  call.write(wanting([31_415], 27_182))
  await next
  call.cancel()
  const { status, messages } = await result
  assert.equal(status.code, CANCELLED)
  assert.deepEqual(bytesOf(messages), [31_415])
})

test('custom_metadata', async () => {
  const metadata = new grpc.Metadata()
  metadata.set(ECHO_INITIAL, 'test_initial_metadata_value')
  metadata.set(ECHO_TRAILING, Buffer.from('ababab', 'hex'))
  const unary = await callOnce(client, 'unaryCall', { responseSize: 314_159, payload: payload(271_828) }, metadata)
  const call = client.fullDuplexCall(metadata)
  const duplex = resultOf(call)
  call.write(wanting([314_159], 271_828))
  call.end()
  for (const { initial, status } of [unary, await duplex]) {
    assert.equal(status.code, OK)
    assert.deepEqual(initial.get(ECHO_INITIAL), ['test_initial_metadata_value'])
    assert.deepEqual(status.metadata.get(ECHO_TRAILING), [Buffer.from('ababab', 'hex')])
  }
})

test('status_code_and_message', async () => {
  const responseStatus = { code: UNKNOWN, message: 'test status message' }
  const unary = await callOnce(client, 'unaryCall', { responseStatus })
  const call = client.fullDuplexCall()
  const duplex = resultOf(call)
  call.write({ responseStatus })
  call.end()
  for (const { status } of [unary, await duplex]) {
    assert.deepEqual([status.code, status.details], [UNKNOWN, 'test status message'])
  }
})

test('special_status_message', async () => {
  const message = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n'
  const { status } = await callOnce(client, 'unaryCall', { responseStatus: { code: UNKNOWN, message } })
  assert.deepEqual([status.code, status.details], [UNKNOWN, message])
})

test('unimplemented_method', async () => {
  assert.equal((await callOnce(client, 'unimplementedCall', {})).status.code, UNIMPLEMENTED)
})

test('unimplemented_service', async () => {
  const other = new UnimplementedService(address, grpc.credentials.createInsecure())
  assert.equal((await callOnce(other, 'unimplementedCall', {})).status.code, UNIMPLEMENTED)
  other.close()
})

test('timeout_on_sleeping_server', async () => {
  const call = client.fullDuplexCall(new grpc.Metadata(), { deadline: Date.now() + 1 })
  const result = resultOf(call)
  call.write({ payload: payload(27_182) })
  assert.equal((await result).status.code, DEADLINE_EXCEEDED)
})
