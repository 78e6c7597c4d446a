import assert from 'node:assert/strict'
import test from 'ava'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import type { LiveSpan } from '../../../sidecar/telemetry/live-span.ts'
import { BATCH_SPANS, SpanBatches } from '../../../sidecar/telemetry/span-batches.ts'
import { TurnedClock } from '../../support/turned-clock.ts'

/** Batches whose sending ends when a test says so. */
function batches(clock: TurnedClock): {
  queue: SpanBatches
  sent: number[]
  dropped: () => number
  answer: () => void
} {
  const sent: number[] = []
  let dropped = 0
  let resolveLast: () => void = () => undefined
  const send = (spans: readonly LiveSpan[]): Promise<void> => {
    sent.push(spans.length)
    return new Promise((resolve) => {
      resolveLast = resolve
    })
  }
  const queue = new SpanBatches(send, clock, () => dropped++)
  return { queue, sent, dropped: () => dropped, answer: () => resolveLast() }
}

const SPAN = {} as LiveSpan
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('a few spans leave together, a second after the first', () => {
  const clock = new TurnedClock()
  const { queue, sent } = batches(clock)
  queue.add(SPAN)
  clock.turn(900)
  queue.add(SPAN)
  assert.deepEqual(sent, [])
  clock.turn(100)
  assert.deepEqual(sent, [2])
})

test('a full batch leaves at once, and the next one when that is answered', async () => {
  const clock = new TurnedClock()
  const { queue, sent, answer } = batches(clock)
  for (let at = 0; at < BATCH_SPANS + 3; at++) queue.add(SPAN)
  clock.turn(5_000)
  assert.deepEqual(sent, [BATCH_SPANS])
  answer()
  await settled()
  assert.deepEqual(sent, [BATCH_SPANS, 3])
})

test('what waits is bounded, and there is room again when a batch is gone', async () => {
  const { queue, sent, dropped, answer } = batches(new TurnedClock())
  for (let at = 0; at < BATCH_SPANS + LIMITS.spanQueueCount + 2; at++) queue.add(SPAN)
  assert.equal(dropped(), 2)
  answer()
  await settled()
  queue.add(SPAN)
  assert.equal(dropped(), 2)
  assert.deepEqual(sent, [BATCH_SPANS, BATCH_SPANS])
})

test('a flush ends when everything is gone', async () => {
  const { queue, sent, answer } = batches(new TurnedClock())
  for (let at = 0; at < BATCH_SPANS + 1; at++) queue.add(SPAN)
  let isOver = false
  const over = queue.flush().then(() => {
    isOver = true
  })
  answer()
  await settled()
  assert.deepEqual([sent, isOver], [[BATCH_SPANS, 1], false])
  answer()
  await over
})
