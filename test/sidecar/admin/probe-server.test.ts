import assert from 'node:assert/strict'
import test from 'ava'
import { startProbeServer } from '../../../sidecar/admin/probe-server.ts'
import { MetricRegistry } from '../../../sidecar/telemetry/metrics.ts'
import { SIDECAR_METRICS } from '../../../sidecar/telemetry/sidecar-metrics.ts'

test('the probe port serves metrics in the format asked for, readiness with its reason, and liveness', async () => {
  const metrics = new MetricRegistry()
  metrics.metricSet(SIDECAR_METRICS).snapshotGeneration.series({}).set(7)
  let reason: string | undefined = 'no certificate yet'
  const started = await startProbeServer({ host: '127.0.0.1', port: 0 }, { metrics, ready: () => reason })
  assert(started.ok)
  await using server = started.value
  const url = `http://127.0.0.1:${server.port}`

  const plain = await fetch(`${url}/metrics`)
  assert.equal(plain.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  assert.match(await plain.text(), /^outrigger_snapshot_generation 7$/m)
  const open = await fetch(`${url}/metrics`, { headers: { accept: 'application/openmetrics-text; version=1.0.0' } })
  assert.match(await open.text(), /# EOF\n$/)

  const notReady = await fetch(`${url}/ready`)
  assert.deepEqual([notReady.status, await notReady.text()], [503, 'no certificate yet\n'])
  reason = undefined
  assert.equal((await fetch(`${url}/ready`)).status, 200)
  assert.equal((await fetch(`${url}/live`, { method: 'HEAD' })).status, 200)
  assert.equal((await fetch(`${url}/drain`, { method: 'POST' })).status, 404)
})
