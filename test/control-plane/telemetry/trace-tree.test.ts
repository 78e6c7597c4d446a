import assert from 'node:assert/strict'
import test from 'ava'
import type { ReceivedSpan } from '../../../control-plane/telemetry/received-span.ts'
import { isJoined, printTrace, toTraceTree } from '../../../control-plane/telemetry/trace-tree.ts'

function span(spanId: string, parentSpanId: string, more: Partial<ReceivedSpan> = {}): ReceivedSpan {
  return {
    traceId: 'a'.repeat(32),
    spanId,
    parentSpanId,
    name: 'GET',
    kind: 'client',
    service: 'web',
    startMs: 100,
    endMs: 110,
    isError: false,
    attributes: {},
    events: [],
    ...more,
  }
}

const CALL = span('1', '', {
  endMs: 112.4,
  attributes: { 'url.full': 'http://orders/items', 'mesh.service': 'shop/orders', 'http.response.status_code': 200 },
})
const SERVED = span('2', '1', {
  kind: 'server',
  service: 'orders',
  startMs: 100.8,
  attributes: {
    'url.path': '/items',
    'http.response.status_code': 200,
    'mesh.peer.identity': 'spiffe://d/ns/shop/sa/web',
  },
})
const FAILED = span('3', '2', {
  service: 'orders',
  startMs: 101,
  endMs: 102,
  isError: true,
  attributes: { 'mesh.service': 'shop/pricing', 'error.type': 'connect-failure', 'mesh.response_flags': 'UC' },
})
const REPEATED = span('4', '2', { service: 'orders', startMs: 103, attributes: { 'http.request.resend_count': 1 } })

test('spans are printed as a tree in order of their start, whatever the order they came in', () => {
  assert.equal(
    printTrace([REPEATED, FAILED, SERVED, CALL]),
    [
      '    0.0 ms     12.4 ms  web         CLIENT GET http://orders/items → shop/orders 200',
      '    0.8 ms      9.2 ms  └ orders    SERVER GET /items 200 from spiffe://d/ns/shop/sa/web',
      '    1.0 ms      1.0 ms    └ orders  CLIENT GET → shop/pricing error connect-failure flag UC',
      '    3.0 ms      7.0 ms    └ orders  CLIENT GET (repeat 1)',
    ].join('\n'),
  )
})

test('a trace is joined when one root leads to every span', () => {
  assert.equal(isJoined([CALL, SERVED, FAILED, REPEATED]), true)
})

for (const [why, spans] of [
  ['nothing was received', []],
  ['a span in the middle is missing', [CALL, FAILED]],
  ['there are two roots', [CALL, span('9', '')]],
  ['the root itself names a parent that was not received', [SERVED, FAILED]],
  ['spans name each other as parents', [CALL, span('8', '9'), span('9', '8')]],
] as const) {
  test(`a trace is not joined when ${why}`, () => assert.equal(isJoined(spans), false))
}

test('an orphan is shown as a root of its own, and marked', () => {
  assert.deepEqual(toTraceTree([CALL, FAILED]).orphans, [FAILED])
  assert.match(printTrace([CALL, FAILED]), /shop\/pricing.*\(parent not received\)$/)
})
