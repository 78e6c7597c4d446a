import assert from 'node:assert/strict'
import test from 'ava'
import { startTestMesh } from '../../support/mesh.ts'
import { bodyOf } from '../../support/mesh-app.ts'
import { MeshLoad } from '../../support/mesh-load.ts'

test('a sidecar drains under load: no GET and no POST fails, slow ones included', async () => {
  const executed = new Map<string, number>()
  await using mesh = await startTestMesh({
    services: {
      orders: {
        replicas: 2,
        handler: async (request, response) => {
          const id = (await bodyOf(request)).toString()
          executed.set(id, (executed.get(id) ?? 0) + 1)
          await new Promise((resolve) => setTimeout(resolve, request.url === '/slow' ? 400 : 2))
          response.end(id)
        },
      },
    },
    callers: ['web'],
  })
  await using fast = MeshLoad.start((i) => mesh.call('web', 'orders', '/', i % 2 === 0 ? {} : { body: `fast-${i}` }), 6)
  await using slow = MeshLoad.start((i) => mesh.call('web', 'orders', '/slow', { body: `slow-${i}` }), 4)
  await fast.good(100)
  const workload = mesh.workload('orders-0')
  let isOver = false
  const drained = workload.drain(600, 5_000).then(() => {
    isOver = true
  })
  await mesh.reaches('web', 'orders', 1)
  assert.equal(isOver, false, 'callers hear of it by the control plane, while it still takes what comes')
  assert.equal(await workload.isReady(), false)
  await drained
  assert.deepEqual(
    workload.log.filter((line) => line.includes('broken') || line.includes('timed out')),
    [],
  )
  await fast.good(100)
  await mesh.reaches('web', 'orders', 1)
  await Promise.all([fast.stop(), slow.stop()])
  assert.deepEqual([...fast.failures, ...slow.failures], [])
  executed.delete('')
  assert.deepEqual(
    [...executed].filter(([, count]) => count !== 1),
    [],
  )
})

test('a sidecar that drains while the control plane is away tells its callers itself: nothing fails', async () => {
  const executed = new Map<string, number>()
  await using mesh = await startTestMesh({
    services: {
      orders: {
        replicas: 2,
        handler: async (request, response) => {
          const id = (await bodyOf(request)).toString()
          executed.set(id, (executed.get(id) ?? 0) + 1)
          await new Promise((resolve) => setTimeout(resolve, 5))
          response.end(id)
        },
      },
    },
    callers: ['web'],
  })
  await mesh.stopControlPlane()
  await using load = MeshLoad.start((i) => mesh.call('web', 'orders', '/', { body: `order-${i}` }), 8)
  await load.good(200)
  await mesh.workload('orders-0').drain(100, 5_000)
  await load.good(500)
  await load.stop()
  assert.deepEqual(load.failures, [])
  assert.deepEqual(
    [...executed].filter(([, count]) => count !== 1),
    [],
  )
})

test('a caller that drains finishes what is in flight and tells its application to connect anew', async () => {
  await using mesh = await startTestMesh({
    services: {
      orders: async (_request, response) => {
        await new Promise((resolve) => setTimeout(resolve, 300))
        response.end('late')
      },
    },
    callers: ['web'],
  })
  const web = mesh.workload('web')
  const answers = Array.from({ length: 5 }, () => web.call('orders', '/'))
  await new Promise((resolve) => setTimeout(resolve, 100))
  await web.drain(0, 5_000)
  for (const answer of await Promise.all(answers)) {
    assert.deepEqual([answer.status, answer.text, answer.headers.connection], [200, 'late', 'close'])
  }
})
