import assert from 'node:assert/strict'
import test from 'ava'
import { meshError } from '../../../sidecar/core/mesh-errors.ts'
import { bytes, head, stage } from '../../support/exchange-stage.ts'
import { requestHead } from '../../support/recording-streams.ts'

test('a response is relayed: head, body, trailers', () => {
  const s = stage()
  s.up().sink.onResponseHead(head(200), false)
  s.up().sink.onResponseBody(bytes('hel'))
  s.up().sink.onResponseBody(bytes('lo'))
  s.up().sink.onResponseEnd(['x-sum', '1'])
  assert.equal(s.down.status, 200)
  assert.equal(s.down.body, 'hello')
  assert.deepEqual(s.down.trailers, ['x-sum', '1'])
  assert.deepEqual(s.ends[0], { status: 200, error: undefined, durationMs: 0 })
  s.assertClean()
})

test('a request body is relayed, and back-pressure goes both ways', () => {
  const s = stage({}, requestHead({ method: 'POST', bodyLength: 6 }), false)
  s.up().takesMore = false
  s.exchange.onBody(bytes('abc'))
  assert.equal(s.down.isPaused, true)
  s.exchange.onRequestDrain()
  assert.equal(s.down.isPaused, false)
  s.exchange.onBody(bytes('def'))
  s.exchange.onEnd([])
  assert.equal(s.up().body, 'abcdef')
  assert.equal(s.up().isEnded, true)
  s.up().sink.onResponseHead(head(200), false)
  s.down.takesMore = false
  s.up().sink.onResponseBody(bytes('x'))
  assert.equal(s.up().isPaused, true)
  s.exchange.onDrain()
  assert.equal(s.up().isPaused, false)
  s.up().sink.onResponseEnd([])
  s.assertClean()
})

test('an inbound try whose turn comes while the caller does not read is opened again as soon as that one does', () => {
  const s = stage({ slowConnect: true, direction: 'inbound' })
  s.down.takesMore = false
  s.connect()
  assert.deepEqual([s.ups.length, s.isWaiting()], [0, false])
  s.down.takesMore = true
  s.exchange.onDrain()
  assert.equal(s.isWaiting(), true)
  s.connect()
  s.up().sink.onResponseHead(head(200), false)
  s.down.takesMore = false
  s.up().sink.onResponseBody(bytes('x'))
  s.exchange.onDrain()
  assert.deepEqual([s.up().isPaused, s.isWaiting(), s.exchange.attempts], [false, false, 1])
  s.up().sink.onResponseEnd([])
  s.assertClean()
})

test('a caller that goes away while its try is put off leaves nothing, and is not called for', () => {
  const s = stage({ slowConnect: true, direction: 'inbound' })
  s.down.takesMore = false
  s.connect()
  s.exchange.onAbort(meshError('cancelled', 'gone'))
  s.exchange.onDrain()
  assert.deepEqual([s.ups.length, s.isWaiting()], [0, false])
  s.assertClean()
})

test('an outbound try begins whether its caller reads or not: it has its endpoint already', () => {
  const s = stage({ slowConnect: true })
  s.down.takesMore = false
  s.connect()
  s.up().sink.onResponseHead(head(204), true)
  s.assertClean()
})

test('body that comes before a connection stands is held, sent in order, and none of it is lost past the replay limit', () => {
  const s = stage({ slowConnect: true }, requestHead({ method: 'POST', bodyLength: 300 }), false)
  const sent = ['a'.repeat(90), 'b'.repeat(90), 'c'.repeat(120)]
  for (const chunk of sent) s.exchange.onBody(bytes(chunk))
  assert.equal(s.down.isPaused, true)
  s.exchange.onEnd([])
  s.connect()
  assert.equal(s.up().body, sent.join(''))
  assert.equal(s.up().isEnded, true)
  assert.equal(s.exchange.canReplay, false)
  s.up().sink.onResponseHead(head(204), true)
  s.assertClean()
})

test('a failed try is repeated with the whole body', () => {
  const s = stage({ retries: 1 }, requestHead({ method: 'PUT', bodyLength: 4 }), false)
  s.exchange.onBody(bytes('body'))
  s.exchange.onEnd([])
  s.up().sink.onResponseError(meshError('reset', 'gone'))
  assert.equal(s.ups.length, 2)
  assert.equal(s.up().body, 'body')
  assert.equal(s.up().isEnded, true)
  s.up().sink.onResponseHead(head(200), true)
  assert.equal(s.down.status, 200)
  s.assertClean()
})

test('a repeated try goes on with body that comes later', () => {
  const s = stage({ retries: 1 }, requestHead({ method: 'PUT', bodyLength: 6 }), false)
  s.exchange.onBody(bytes('abc'))
  s.up().sink.onResponseError(meshError('connect-failure', 'gone'))
  s.exchange.onBody(bytes('def'))
  s.exchange.onEnd([])
  assert.equal(s.up().body, 'abcdef')
  s.up().sink.onResponseHead(head(200), true)
  s.assertClean()
})

test('an error status may be thrown away for another try; nothing of it reaches the caller', () => {
  const s = stage({ retries: 1 })
  s.up(0).sink.onResponseHead(head(503), false)
  assert.equal(s.up(0).isCancelled, true)
  assert.equal(s.down.heads.length, 0)
  s.up(1).sink.onResponseHead(head(200), true)
  assert.equal(s.down.status, 200)
  s.assertClean()
})

test('the last error status reaches the caller as it is', () => {
  const s = stage({ retries: 0 })
  s.up().sink.onResponseHead(head(503), false)
  s.up().sink.onResponseBody(bytes('sorry'))
  s.up().sink.onResponseEnd([])
  assert.equal(s.down.status, 503)
  assert.equal(s.down.body, 'sorry')
  s.assertClean()
})

test('after a head went to the caller nothing is tried again: the caller sees a broken response', () => {
  const s = stage({ retries: 3 })
  s.up().sink.onResponseHead(head(200), false)
  s.up().sink.onResponseBody(bytes('part'))
  s.up().sink.onResponseError(meshError('reset', 'gone'))
  assert.equal(s.ups.length, 1)
  assert.equal(s.down.isEnded, false)
  assert.equal(s.down.resetBy?.code, 'reset')
  s.assertClean()
})

test('a failure without another try is answered with the error and its name', () => {
  const s = stage()
  s.up().sink.onResponseError(meshError('connect-failure', 'nobody there'))
  assert.equal(s.down.status, 503)
  assert(s.down.heads[0]?.head.fields.includes('connect-failure'))
  assert.match(s.down.body, /nobody there/)
  s.assertClean()
})

test('a refusal never opens a stream', () => {
  const s = stage({ first: { kind: 'refuse', error: meshError('denied', 'no', 'AuthorizationPolicy shop/x rule 0') } })
  assert.equal(s.ups.length, 0)
  assert.equal(s.down.status, 403)
  assert.equal(s.ends[0]?.error?.policy, 'AuthorizationPolicy shop/x rule 0')
  s.assertClean()
})

test('a direct answer is sent with its fields and body', () => {
  const s = stage({ first: { kind: 'answer', response: { status: 302, fields: ['location', '/new'], body: 'moved' } } })
  assert.equal(s.down.status, 302)
  assert.equal(s.down.body, 'moved')
  s.assertClean()
})

test('the answer to HEAD has no body', () => {
  const s = stage(
    { first: { kind: 'refuse', error: meshError('no-route', 'nothing') } },
    requestHead({ method: 'HEAD' }),
  )
  assert.equal(s.down.heads[0]?.end, true)
  assert.equal(s.down.body, '')
})

test('a caller that goes away cancels the try', () => {
  const s = stage()
  s.exchange.onAbort(meshError('cancelled', 'bye'))
  assert.equal(s.up().isCancelled, true)
  assert.deepEqual(s.attemptEnds, ['abandoned'])
  assert.equal(s.ends[0]?.error?.code, 'cancelled')
  s.assertClean()
})

test('a caller that goes away while the connection is made abandons the try', () => {
  const s = stage({ slowConnect: true })
  s.exchange.onAbort(meshError('cancelled', 'bye'))
  assert.equal(s.isWaiting(), false)
  s.assertClean()
})

test('a caller that goes away between two tries ends the wait', () => {
  const s = stage({ retries: 1, delayMs: 100 })
  s.up().sink.onResponseError(meshError('reset', 'gone'))
  s.exchange.onAbort(meshError('cancelled', 'bye'))
  s.clock.turn(1_000)
  assert.equal(s.ups.length, 1)
  s.assertClean()
})

test('another try waits as long as was decided', () => {
  const s = stage({ retries: 1, delayMs: 100 })
  s.up().sink.onResponseError(meshError('reset', 'gone'))
  s.clock.turn(99)
  assert.equal(s.ups.length, 1)
  s.clock.turn(1)
  assert.equal(s.ups.length, 2)
  s.up().sink.onResponseHead(head(200), true)
  s.assertClean()
})

for (const [what, end] of [
  ['refused', (s: ReturnType<typeof stage>) => s.up().sink.onResponseError(meshError('connect-failure', 'gone'))],
  ['given up by its caller', (s: ReturnType<typeof stage>) => s.exchange.onAbort(meshError('cancelled', 'bye'))],
  ['over its time', (s: ReturnType<typeof stage>) => s.clock.turn(60_000)],
] as const) {
  test(`the kept body of a request that is ${what} is given back`, () => {
    const s = stage({ requestTimeoutMs: 500 }, requestHead({ method: 'POST', bodyLength: 6 }), false)
    s.exchange.onBody(bytes('abc'))
    end(s)
    s.assertClean()
  })
}

test('an early answer is passed on, and the rest of the request given up', () => {
  const s = stage({}, requestHead({ method: 'POST', bodyLength: -1 }), false)
  s.exchange.onBody(bytes('abc'))
  s.up().sink.onResponseHead(head(413), true)
  assert.equal(s.down.status, 413)
  assert.equal(s.up().isCancelled, true)
  s.exchange.onBody(bytes('more'))
  s.assertClean()
})

test('interim responses pass, except 100, which is each hop’s own', () => {
  const s = stage()
  s.up().sink.onInterim(100, [])
  s.up().sink.onInterim(103, ['link', '</a.css>'])
  assert.deepEqual(s.down.interims, [103])
})
