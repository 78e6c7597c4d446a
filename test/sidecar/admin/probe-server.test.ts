import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import test from 'ava'
import { onceATurn, startProbeServer } from '../../../sidecar/admin/probe-server.ts'
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

test('who asks again before the answer is cut off', async () => {
  const metrics = new MetricRegistry()
  let count = 0
  const counted = {
    expose: (accept: string | undefined) => {
      count++
      return metrics.expose(accept)
    },
  }
  const started = await startProbeServer({ host: '127.0.0.1', port: 0 }, { metrics: counted, ready: () => undefined })
  assert(started.ok)
  await using server = started.value
  const one = 'GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n'
  const greedy = connect(server.port, '127.0.0.1')
  let heard = ''
  greedy.on('data', (chunk: Buffer) => {
    heard += chunk.toString()
  })
  greedy.on('error', () => undefined)
  greedy.write(one.repeat(1_500))
  await once(greedy, 'close')
  assert(heard.split('HTTP/1.1 200').length <= 2 && count <= 1, `${count} texts were written`)
  const polite = connect(server.port, '127.0.0.1')
  for (let i = 0; i < 3; i++) {
    polite.write(one)
    const [octets] = (await once(polite, 'data')) as [Buffer]
    assert.match(octets.toString(), /^HTTP\/1\.1 200 /)
    await new Promise((resolve) => setImmediate(resolve))
  }
  polite.destroy()
})

test('all that ask in one turn of the event loop are told the same text, in each format; the next turn has its own', async () => {
  const metrics = new MetricRegistry()
  const set = metrics.metricSet(SIDECAR_METRICS)
  const expose = onceATurn(metrics)
  const open = 'application/openmetrics-text'
  const first = expose(undefined)
  set.snapshotGeneration.series({}).set(7)
  assert.equal(expose('text/plain'), first)
  assert.match(expose(open).body, /# EOF/)
  assert.equal(expose(`${open}; version=1.0.0`), expose(open))
  await new Promise((resolve) => setImmediate(resolve))
  assert.match(expose(undefined).body, /^outrigger_snapshot_generation 7$/m)
})
