import assert from 'node:assert/strict'
import test from 'ava'
import { LiveSpan } from '../../../sidecar/telemetry/live-span.ts'
import type { TraceContext } from '../../../sidecar/telemetry/trace-context.ts'

function stage() {
  let nowMs = 5
  const ended: LiveSpan[] = []
  const sink = { nowMs: () => nowMs, onEnd: (span: LiveSpan) => void ended.push(span) }
  const span = new LiveSpan('client', {} as TraceContext, 'b7ad6b7169203331', { name: 'GET', attributes: {} }, sink)
  return {
    span,
    ended,
    at: (ms: number): void => {
      nowMs = ms
    },
  }
}

test('a span keeps 128 events, however many its exchange has', () => {
  const { span } = stage()
  for (let i = 0; i < 200; i++) span.event('retry', { attempt: i })
  assert.equal(span.events.length, 128)
  assert.equal(span.events.at(-1)?.attributes['attempt'], 127)
})

test('details are put into words when they are read, and stand behind the events with the time at which they were noted', () => {
  const { span, at } = stage()
  let asked = 0
  at(7)
  span.detail(() => {
    asked++
    return [{ name: 'mesh.step', attributes: { n: asked } }]
  })
  at(8)
  span.event('retry')
  span.end({ status: 200 })
  span.detail(() => [{ name: 'late', attributes: {} }])
  assert.equal(asked, 0)
  assert.deepEqual(span.events, [
    { name: 'retry', atMs: 8, attributes: {} },
    { name: 'mesh.step', atMs: 7, attributes: { n: 1 } },
  ])
})

test('events and details together are 128 at most', () => {
  const { span } = stage()
  for (let i = 0; i < 100; i++) span.event('retry')
  span.detail(() => Array.from({ length: 100 }, () => ({ name: 'step', attributes: {} })))
  assert.deepEqual([span.events.length, span.events.at(-1)?.name], [128, 'step'])
})

test('a span ends once, not before it began, and hears nothing after that', () => {
  const { span, ended, at } = stage()
  at(3) // the wall clock was set back
  span.end({ status: 200 })
  span.end({ status: 500 })
  span.event('late')
  assert.deepEqual([ended.length, span.ending, span.endMs, span.events.length], [1, { status: 200 }, 5, 0])
})
