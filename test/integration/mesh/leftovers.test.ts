import assert from 'node:assert/strict'
import test from 'ava'
import { startOtlpReceiver } from '../../../control-plane/telemetry/otlp-receiver.ts'
import { eventually } from '../../support/eventually.ts'
import { startTestMesh } from '../../support/mesh.ts'
import { MeshLoad } from '../../support/mesh-load.ts'

/** Sockets, servers and timers that keep this process alive or busy, by kind. */
function resources(): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) {
    if (/^(TCP|TLS|Timeout|Immediate)/.test(kind)) counts[kind] = (counts[kind] ?? 0) + 1
  }
  return counts
}

test.serial('a mesh that ends leaves no socket, no server and no timer behind, whatever state it ends in', async () => {
  const before = resources()
  for (const isHanging of [false, true]) {
    await using receiver = await startOtlpReceiver()
    await using mesh = await startTestMesh({
      services: {
        orders: {
          replicas: 2,
          handler: (request, response) => {
            if (request.url !== '/hang') response.end()
          },
        },
      },
      callers: ['web'],
      telemetry: { samplingRatio: 1, otlpEndpoint: receiver.url, accessLog: 'all' },
    })
    await using load = MeshLoad.start(() => mesh.call('web', 'orders', '/'), 2)
    await using _stuck = MeshLoad.start(() => mesh.call('web', 'orders', isHanging ? '/hang' : '/'), 2)
    await load.good(3)
    if (isHanging) {
      mesh.workload('orders-0').relay?.cut()
      await mesh.stopControlPlane()
      await mesh.workload('web').stop()
    } else await mesh.workload('orders-1').drain(0, 30_000)
  }
  let left = resources()
  const isClean = (): boolean => {
    left = resources()
    return Object.entries(left).every(([kind, count]) => count <= (before[kind] ?? 0) + Number(kind === 'Timeout'))
  }
  // `eventually` itself waits on one timer
  await eventually('everything is given back', isClean).catch(() => assert.deepEqual(left, before))
})
