import assert from 'node:assert/strict'
import test from 'ava'
import { eventually, pause } from '../../support/eventually.ts'
import { Gate } from '../../support/gate.ts'
import { startTestMesh } from '../../support/mesh.ts'
import { bodyOf } from '../../support/mesh-app.ts'
import type { Answer } from '../../support/mesh-call.ts'
import { MeshLoad } from '../../support/mesh-load.ts'

/** No drain of these tests is to run into its timeout. */
const DRAIN_TIMEOUT_MS = 60_000
const DRAIN_DELAY_MS = 600

test('a sidecar drains under load: no GET and no POST fails, slow ones included', async () => {
  const executed = new Map<string, number>()
  const held = { 'orders-0': new Gate(), 'orders-1': new Gate() }
  await using mesh = await startTestMesh({
    services: {
      orders: {
        replicas: 2,
        handler: async (request, response, { workload }) => {
          const id = (await bodyOf(request)).toString()
          executed.set(id, (executed.get(id) ?? 0) + 1)
          if (request.url === '/slow') await held[workload as keyof typeof held].pass()
          else await pause(2)
          response.end(id)
        },
      },
    },
    callers: ['web'],
  })
  await using fast = MeshLoad.start((i) => mesh.call('web', 'orders', '/', i % 2 === 0 ? {} : { body: `fast-${i}` }), 6)
  await fast.good(100)
  const slow: Promise<Answer>[] = []
  await eventually('both have slow ones', async () => {
    slow.push(mesh.call('web', 'orders', '/slow', { body: `slow-${slow.length}` }))
    await pause(5)
    return held['orders-0'].enteredCount > 0 && held['orders-1'].enteredCount > 0
  })
  held['orders-1'].open()
  const workload = mesh.workload('orders-0')
  let isOver = false
  const drained = workload.drain(DRAIN_DELAY_MS, DRAIN_TIMEOUT_MS).then(() => {
    isOver = true
  })
  const delayed = pause(2 * DRAIN_DELAY_MS) // timers go in their order: the delay of the drain is over before this
  await mesh.reaches('web', 'orders', 1)
  assert.equal(await workload.isReady(), false)
  await delayed
  await fast.good(100)
  assert.equal(isOver, false, 'it waits for what is slow')
  held['orders-0'].open()
  await drained
  assert.deepEqual(
    workload.log.filter((line) => line.includes('broken') || line.includes('timed out')),
    [],
  )
  await fast.good(100)
  await mesh.reaches('web', 'orders', 1)
  await fast.stop()
  assert.deepEqual(fast.failures, [])
  assert.deepEqual([...new Set((await Promise.all(slow)).map(({ status }) => status))], [200])
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
          await pause(5)
          response.end(id)
        },
      },
    },
    callers: ['web'],
  })
  await mesh.stopControlPlane()
  await using load = MeshLoad.start((i) => mesh.call('web', 'orders', '/', { body: `order-${i}` }), 8)
  await load.good(200)
  await mesh.workload('orders-0').drain(100, DRAIN_TIMEOUT_MS)
  await load.good(500)
  await load.stop()
  assert.deepEqual(load.failures, [])
  assert.deepEqual(
    [...executed].filter(([, count]) => count !== 1),
    [],
  )
})

test('a caller that drains finishes what is in flight and tells its application to connect anew', async () => {
  const gate = new Gate()
  await using mesh = await startTestMesh({
    services: {
      orders: async (_request, response) => {
        await gate.pass()
        response.end('late')
      },
    },
    callers: ['web'],
  })
  const web = mesh.workload('web')
  const answers = Array.from({ length: 5 }, () => web.call('orders', '/'))
  await eventually('all are in flight', () => gate.enteredCount === 5)
  const drained = web.drain(0, DRAIN_TIMEOUT_MS)
  await pause(50) // as above, for a delay of nothing
  gate.open()
  await drained
  for (const answer of await Promise.all(answers)) {
    assert.deepEqual([answer.status, answer.text, answer.headers.connection], [200, 'late', 'close'])
  }
})
