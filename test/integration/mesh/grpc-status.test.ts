import assert from 'node:assert/strict'
import * as grpc from '@grpc/grpc-js'
import test from 'ava'
import { eventually } from '../../support/eventually.ts'
import { grpcMesh, type Made } from '../../support/grpc-mesh.ts'

const trafficPolicy = (settings: string): string => `---
apiVersion: outrigger.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: orders, namespace: shop}
spec:
  targetRefs: [{group: "", kind: Service, name: orders}]
${settings}
`

/** The status that a unary call ends with. */
const statusOf = (client: Made, method: 'flaky' | 'late' | 'fail' | 'echo'): Promise<grpc.status> =>
  new Promise((resolve) =>
    client[method](Buffer.from('x'), (error: grpc.ServiceError | null) => resolve(error?.code ?? grpc.status.OK)),
  )

test('UNAVAILABLE is tried again where a 503 would be: when the calls may be executed twice', async () => {
  await using at = await grpcMesh()
  at.script.failuresLeft = 1
  assert.equal(await statusOf(at.client, 'flaky'), grpc.status.UNAVAILABLE)
  assert.equal(at.heard.flaky, 1, 'nobody said that it may be executed twice')

  await at.mesh.apply(trafficPolicy('  retry: {idempotent: true, backoff: {base: 1ms, max: 2ms}}'))
  at.script.failuresLeft = 2
  assert.equal(await statusOf(at.client, 'flaky'), grpc.status.OK)
  assert.equal(at.heard.flaky, 4)
  at.script.failuresLeft = 3
  assert.equal(await statusOf(at.client, 'flaky'), grpc.status.UNAVAILABLE, 'two repeats, and no more')

  await at.mesh.apply(trafficPolicy('  retry: {idempotent: true, backoff: {base: 1ms, max: 2ms}, codes: [504]}'))
  at.script.failuresLeft = 1
  assert.equal(await statusOf(at.client, 'flaky'), grpc.status.UNAVAILABLE, 'not among the codes')
})

for (const [method, how] of [
  ['flaky', 'in its only head'],
  ['late', 'in trailers behind a head'],
] as const) {
  test(`an instance that fails ${how} is ejected, with HTTP 200`, async () => {
    await using at = await grpcMesh({
      replicas: 2,
      manifests: trafficPolicy('  loadBalancer: {type: RoundRobin}\n  outlierDetection: {consecutive5xxErrors: 3}'),
    })
    at.script.failuresLeft = 12
    for (let i = 0; i < 12; i++) assert.notEqual(await statusOf(at.client, method), grpc.status.OK)
    const ejected = (await at.mesh.endpoints('web', 'orders')).filter(({ isEjected }) => isEjected)
    assert.equal(ejected.length, 1)
  })
}

test('what a caller is to blame for ejects nobody', async () => {
  await using at = await grpcMesh({
    replicas: 2,
    manifests: trafficPolicy('  outlierDetection: {consecutive5xxErrors: 1}'),
  })
  for (let i = 0; i < 4; i++) assert.equal(await statusOf(at.client, 'fail'), grpc.status.FAILED_PRECONDITION)
  const ejected = (await at.mesh.endpoints('web', 'orders')).filter(({ isEjected }) => isEjected)
  assert.deepEqual(ejected, [])
})

test('metrics and the access log of both sides say what gRPC said', async () => {
  await using at = await grpcMesh()
  at.script.failuresLeft = 1
  assert.equal(await statusOf(at.client, 'fail'), grpc.status.FAILED_PRECONDITION)
  assert.equal(await statusOf(at.client, 'late'), grpc.status.INTERNAL)
  for (const name of ['web', 'orders']) {
    const { metrics, accessLog } = at.mesh.workload(name)
    await eventually(`${name} has counted them`, async () => {
      const counts = [...(await metrics.call(at.mesh.workload(name)))].filter(([series]) =>
        /^http_(client|server)_request_duration_seconds_count/.test(series),
      )
      const said = (status: string) =>
        counts.some(([series, n]) => n === 1 && series.includes(`grpc_status="${status}"`))
      return (
        said('FAILED_PRECONDITION') &&
        said('INTERNAL') &&
        counts.some(([series]) => series.includes('grpc_status="OK"'))
      )
    })
    await eventually(`${name} has logged them`, () =>
      accessLog.some((line) => line.includes('"path":"/test.Orders/Late"') && line.includes('"grpcStatus":"INTERNAL"')),
    )
  }
})
