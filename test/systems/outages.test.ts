import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'ava'
import { systemRuntime } from '../../cli/up/main.ts'
import { readMeshFile } from '../../cli/up/mesh-file.ts'
import { startMesh } from '../../cli/up/running-mesh.ts'
import { Load } from '../../examples/shop/demo/load.ts'
import { sleep, systemClock } from '../../sidecar/core/clock.ts'
import { systemRandom } from '../../sidecar/core/random.ts'
import { ROOT } from '../architecture/import-graph.ts'
import { temporaryFolder } from '../integration/control-plane/fixture.ts'
import { ConsulAgent, isConsulInstalled } from '../support/consul-agent.ts'
import { runDemo } from './demo-run.ts'

const REQUESTS_PER_SECOND = 60
const CONSUL_AWAY_MS = 30_000

test('the control plane dies by kill -9, a sidecar restarts while it is away: it serves from what it kept', async () => {
  await using folder = await temporaryFolder()
  const file = readMeshFile(join(ROOT, 'examples/shop/mesh.yaml'))
  assert(file.ok)
  const started = await startMesh(
    file.value,
    { directory: folder.path, sampling: 0 },
    {
      clock: systemClock,
      random: systemRandom,
      runtime: systemRuntime,
      onLine: () => undefined,
      onRestart: () => undefined,
    },
  )
  assert(started.ok, started.ok ? '' : started.error)
  await using mesh = started.value
  const good = async (count: number): Promise<void> => {
    const load = new Load(`${mesh.upstreamUrl('shopper', 'web')}/`, REQUESTS_PER_SECOND)
    while (load.counts.requests < count) await sleep(systemClock, 20)
    await load.stop()
    assert.deepEqual(load.failures, [])
  }
  await good(100)

  const pid = mesh.pids.get('control-plane')
  assert(pid !== undefined)
  mesh.crashControlPlane(20_000)
  await good(100)
  const before = mesh.pids.get('orders-1.sidecar')
  await mesh.restartSidecar('orders-1')
  const ready = await mesh.waitReady('orders-1', 10_000)
  assert(ready.ok, ready.ok ? '' : ready.error)
  assert.notEqual(mesh.pids.get('orders-1.sidecar'), before)
  assert.equal(mesh.pids.get('control-plane'), undefined, 'the control plane is still away')
  const metrics = await (await fetch(`${mesh.probeUrl('orders-1')}/metrics`)).text()
  assert.match(
    metrics,
    /^outrigger_config_stale_seconds 0*[1-9.]/m,
    'the restarted sidecar says that it has heard nobody',
  )
  await good(200)
})

if (isConsulInstalled('the demo without its Consul for 30 s')) {
  test('Consul stops for 30 s while certificates are renewed every few: no request of the demo fails', async () => {
    await using consul = await ConsulAgent.start()
    let outage: Promise<void> | undefined
    const away = async (): Promise<void> => {
      await consul.stop()
      await sleep(systemClock, CONSUL_AWAY_MS)
      await consul.resume()
    }
    const demo = await runDemo(['--registry', consul.url, '--leaf-lifetime', '20s', '--hold', '45s'], (line) => {
      if (line.includes('Nothing changes for')) outage ??= away()
    })
    assert(outage !== undefined, `the demo never came so far:\n${demo.output}`)
    await outage
    assert.equal(demo.code, 0, demo.output)
    assert.equal(demo.result?.unexpectedFailures, 0)
    assert((demo.result?.requests ?? 0) > 3_000, `${demo.result?.requests} requests`)
  })
}
