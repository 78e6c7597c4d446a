import assert from 'node:assert/strict'
import * as grpc from '@grpc/grpc-js'
import test from 'ava'
import { startTestMesh } from '../../support/mesh.ts'
import { bytesOf, type CallResult, callOnce } from './calls.ts'
import { GRPC_SERVICE, TestService } from './interop-service.ts'
import { type Behaviour, responseMessage, ScriptedConnection } from './scripted-server.ts'

const RESPONSE_BYTES = 314_159
const REQUEST = { responseSize: RESPONSE_BYTES, payload: { body: Buffer.alloc(271_828) } }
const MESSAGE = responseMessage(RESPONSE_BYTES)
const HALF = MESSAGE.length / 2

/** A client of gRPC, two sidecars, and a server of HTTP/2 that behaves badly. */
async function misbehaving(behaviour: Behaviour, maxStreams?: number) {
  const connections: ScriptedConnection[] = []
  let requests = 0
  const counted: Behaviour = (connection, streamId) => {
    requests++
    return behaviour(connection, streamId)
  }
  const mesh = await startTestMesh({
    services: {
      orders: { raw: (socket) => void connections.push(new ScriptedConnection(socket, counted, maxStreams)) },
    },
    callers: ['web'],
    manifests: GRPC_SERVICE,
  })
  const address = `127.0.0.1:${mesh.workload('web').portFor('orders')}`
  const client = new TestService(address, grpc.credentials.createInsecure())
  return {
    connections,
    requestCount: () => requests,
    call: (): Promise<CallResult> => callOnce(client, 'unaryCall', REQUEST),
    [Symbol.asyncDispose]: async () => {
      client.close()
      await mesh[Symbol.asyncDispose]()
    },
  }
}

/** A response as it should be. */
const answer: Behaviour = async (connection, streamId) => {
  connection.head(streamId)
  await connection.body(streamId, MESSAGE)
  connection.trailers(streamId)
}

function assertAnswered({ status, messages }: CallResult): void {
  assert.equal(status.code, grpc.status.OK, status.details)
  assert.deepEqual(bytesOf(messages), [RESPONSE_BYTES])
}

test('goaway: the call in flight ends well, and the next one takes another connection', async () => {
  await using at = await misbehaving(async (connection, streamId) => {
    connection.goAway(streamId)
    await answer(connection, streamId)
  })
  assertAnswered(await at.call())
  assertAnswered(await at.call())
  assert.deepEqual([at.connections.length, at.requestCount()], [2, 2])
})

/** How far a response comes before RST_STREAM. */
const RESETS: Record<string, Behaviour> = {
  rst_after_header: (connection, streamId) => connection.head(streamId),
  rst_during_data: async (connection, streamId) => {
    connection.head(streamId)
    await connection.body(streamId, MESSAGE.subarray(0, HALF))
  },
  rst_after_data: async (connection, streamId) => {
    connection.head(streamId)
    await connection.body(streamId, MESSAGE)
  },
}

for (const [name, begin] of Object.entries(RESETS)) {
  test(`${name}: the call fails, and is made once`, async () => {
    await using at = await misbehaving(async (connection, streamId) => {
      await begin(connection, streamId)
      connection.reset(streamId)
    })
    const { status } = await at.call()
    assert.notEqual(status.code, grpc.status.OK)
    assert.equal(at.requestCount(), 1)
  })
}

test('ping: every PING is answered, and the call ends well', async () => {
  await using at = await misbehaving(async (connection, streamId) => {
    await connection.ping('first')
    connection.head(streamId)
    await connection.ping('second')
    await connection.body(streamId, MESSAGE.subarray(0, HALF))
    await connection.ping('third')
    await connection.body(streamId, MESSAGE.subarray(HALF))
    await connection.ping('fourth')
    connection.trailers(streamId)
  })
  assertAnswered(await at.call())
  assert.deepEqual(at.connections[0]?.pongs, ['first', 'second', 'third', 'fourth'])
})

test('max_streams: ten calls at once go well, and no connection has two', async () => {
  await using at = await misbehaving(answer, 1)
  assertAnswered(await at.call())
  for (const result of await Promise.all(Array.from({ length: 10 }, () => at.call()))) assertAnswered(result)
  assert.equal(at.requestCount(), 11)
  for (const { overLimitCount } of at.connections) assert.equal(overLimitCount, 0)
})

for (const [name, paddingBytes] of [
  ['data_frame_padding', 255],
  ['no_df_padding_sanity_test', undefined],
] as const) {
  test(`${name}: a message in frames of five octets arrives`, async () => {
    await using at = await misbehaving(async (connection, streamId) => {
      connection.head(streamId)
      await connection.body(streamId, MESSAGE, 5, paddingBytes)
      connection.trailers(streamId)
    })
    assertAnswered(await at.call())
  })
}
