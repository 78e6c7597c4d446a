import assert from 'node:assert/strict'
import test from 'ava'
import { startControlPlaneTracing } from '../../../control-plane/telemetry/node-sdk.ts'
import { startOtlpReceiver } from '../../../control-plane/telemetry/otlp-receiver.ts'
import { isJoined } from '../../../control-plane/telemetry/trace-tree.ts'
import { systemClock } from '../../../sidecar/core/clock.ts'

const OPTIONS = { instanceId: 'cp-1', version: '0.1.0', clock: systemClock }

test('without an endpoint the work is done and nothing else', async () => {
  const tracing = await startControlPlaneTracing({ ...OPTIONS, endpoint: undefined })
  assert.equal(await tracing.span('compile', {}, async () => 7), 7)
  await tracing.close(1)
})

test('nested work arrives at a real OTLP endpoint as one tree, a failure marked and passed on', async () => {
  await using receiver = await startOtlpReceiver()
  const tracing = await startControlPlaneTracing({ ...OPTIONS, endpoint: receiver.url })
  await tracing.span('push', { generation: 3 }, async () => {
    await tracing.span('compile', {}, async () => undefined)
    const failing = tracing.span('sign', {}, () => Promise.reject(new TypeError('no')))
    await assert.rejects(failing, { name: 'TypeError', message: 'no' })
  })
  await tracing.close(5_000)
  const [trace] = receiver.store.list()
  assert(trace !== undefined)
  const spans = receiver.store.spans(trace.traceId)
  assert(isJoined(spans))
  assert.deepEqual(
    // In order of name: the SDK's clock counts whole milliseconds.
    spans.map((span) => [span.name, span.service, span.isError, span.attributes['error.type']]).sort(),
    [
      ['compile', 'outrigger-control-plane', false, undefined],
      ['push', 'outrigger-control-plane', false, undefined],
      ['sign', 'outrigger-control-plane', true, 'TypeError'],
    ],
  )
})
