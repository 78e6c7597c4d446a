import assert from 'node:assert/strict'
import * as grpc from '@grpc/grpc-js'
import test from 'ava'
import { eventually } from '../../support/eventually.ts'
import { answers, grpcMesh } from '../../support/grpc-mesh.ts'
import { LeapingClock } from '../../support/leaping-clock.ts'

test('unary calls, with metadata in both directions, binary too, and messages larger than the window', async () => {
  await using at = await grpcMesh()
  const metadata = new grpc.Metadata()
  metadata.set('x-say', 'hello')
  metadata.set('blob-bin', Buffer.from([0, 1, 254, 255]))
  const message = Buffer.alloc(5_000_000, 'm')
  let head = new grpc.Metadata()
  let last = new grpc.Metadata()
  const answer = await new Promise<Buffer>((resolve, reject) => {
    const call = at.client.echo(message, metadata, (error: Error | null, value: Buffer) =>
      error === null ? resolve(value) : reject(error),
    )
    call.on('metadata', (got: grpc.Metadata) => {
      head = got
    })
    call.on('status', (status: grpc.StatusObject) => {
      last = status.metadata
    })
  })
  assert.ok(answer.equals(message))
  assert.deepEqual(head.get('x-said'), ['hello'])
  assert.deepEqual(head.get('blob-bin'), [Buffer.from([0, 1, 254, 255])])
  assert.deepEqual(last.get('x-last'), ['word'])
})

test('a status with its message arrives, in trailers alone', async () => {
  await using at = await grpcMesh()
  const error = await new Promise<grpc.ServiceError>((resolve) => at.client.fail(Buffer.alloc(0), resolve))
  assert.deepEqual([error.code, error.details], [grpc.status.FAILED_PRECONDITION, 'not today – ever'])
})

test('all three kinds of streams', async () => {
  await using at = await grpcMesh()
  const counted: string[] = []
  for await (const chunk of at.client.count(Buffer.alloc(0))) counted.push(chunk.toString())
  assert.deepEqual(
    counted,
    Array.from({ length: 100 }, (_, i) => `${i}`),
  )
  const sum = await new Promise<Buffer>((resolve, reject) => {
    const call = at.client.sum((error: Error | null, value: Buffer) =>
      error === null ? resolve(value) : reject(error),
    )
    for (let i = 0; i < 50; i++) call.write(Buffer.alloc(10_000))
    call.end()
  })
  assert.equal(sum.toString(), '500000')
  const talk = at.client.talk()
  const said: string[] = []
  for (const word of ['one', 'two', 'three']) {
    talk.write(Buffer.from(word)) // each answer is awaited before the next word
    said.push(await new Promise<string>((resolve) => talk.once('data', (chunk: Buffer) => resolve(chunk.toString()))))
  }
  talk.end()
  talk.resume()
  await new Promise((resolve) => talk.once('end', resolve))
  assert.deepEqual(said, ['ONE', 'TWO', 'THREE'])
})

test('a deadline is heard by the application, and kept by the mesh', async () => {
  const clock = new LeapingClock()
  await using at = await grpcMesh({ clock })
  await at.mesh.apply(`apiVersion: outrigger.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: orders, namespace: shop}
spec: {targetRefs: [{group: "", kind: Service, name: orders}], timeouts: {request: 10m}}
`)
  const error = new Promise<grpc.ServiceError>((resolve) =>
    at.client.hang(Buffer.alloc(0), { deadline: Date.now() + 40_000 }, resolve),
  )
  await eventually('the call is there', () => at.heard.deadlineMs !== 0)
  assert.ok(at.heard.deadlineMs > 0 && at.heard.deadlineMs <= 40_000, `${at.heard.deadlineMs} ms`)
  // over for the mesh alone: the client would wait on
  clock.leap(40_000)
  const { code, details } = await error
  assert.equal(code, grpc.status.DEADLINE_EXCEEDED)
  assert.match(details, /its timeout of \d+ ms/, 'the mesh says so')
  await eventually('the application hears that nobody waits', () => at.heard.cancelled === 1)
})

test('a cancelled call is cancelled at the application', async () => {
  await using at = await grpcMesh()
  const call = at.client.hang(Buffer.alloc(0), () => undefined)
  await eventually('the call is there', () => at.heard.deadlineMs !== 0)
  call.cancel()
  await eventually('the application hears it', () => at.heard.cancelled === 1)
})

test('what the mesh refuses is an error of gRPC', async () => {
  await using at = await grpcMesh()
  await at.mesh.apply(`apiVersion: outrigger.dev/v1alpha1
kind: AuthorizationPolicy
metadata: {name: closed, namespace: shop}
spec: {targetRefs: [{group: "", kind: Service, name: orders}], action: DENY, rules: [{}]}
`)
  await eventually('the policy holds', async () => !(await answers(at.client)))
  const error = await new Promise<grpc.ServiceError>((resolve) => at.client.echo(Buffer.alloc(0), resolve))
  assert.equal(error.code, grpc.status.PERMISSION_DENIED)
  assert.match(error.details, /AuthorizationPolicy shop\/closed/)
})
