import assert from 'node:assert/strict'
import test from 'ava'
import fc from 'fast-check'
import { meshError } from '../../../sidecar/core/mesh-errors.ts'
import { NO_FIELDS, UNKNOWN_LENGTH } from '../../../sidecar/http/head.ts'
import type { UpstreamStream } from '../../../sidecar/http/streams.ts'
import { pair, type SeenRequest, SeenResponse, settle, type TestEnd } from '../../support/http2-frames.ts'
import { requestHead } from '../../support/recording-streams.ts'

const SMALL = { streamWindowBytes: 3_000, connectionWindowBytes: 65_535, unsentHighWaterBytes: 5_000 }

/** One exchange, and what was put into it at either end. */
interface Life {
  readonly response: SeenResponse
  readonly stream: UpstreamStream
  upBytes: number
  downBytes: number
  hasHead: boolean
  isUpEnded: boolean
  isDownEnded: boolean
  isBroken: boolean
}

const ACTS = [
  'open',
  'up',
  'upEnd',
  'down',
  'downEnd',
  'pauseUp',
  'resumeUp',
  'pauseDown',
  'resumeDown',
  'cancel',
  'reset',
  'there',
  'back',
  'full',
  'free',
] as const

const step = fc.record({ act: fc.constantFrom(...ACTS), which: fc.nat(5), bytes: fc.integer({ min: 1, max: 9_000 }) })

test('whatever two ends do to their streams, what was sent arrives, once, and nothing is left open', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const { client, server } = pair(SMALL, SMALL)
      const lives: Life[] = []
      for (const { act, which, bytes } of steps) perform(client, server, lives, act, which, bytes)
      finish(client, server, lives)
      for (const [i, life] of lives.entries()) {
        const seen = server.requests[i] as SeenRequest
        assert(life.response.errors.length <= 1 && seen.errors.length <= 1)
        if (life.isBroken) continue
        assert.deepEqual([seen.bodyBytes, seen.isEnded, seen.errors], [life.upBytes, true, []])
        assert.deepEqual(
          [life.response.bodyBytes, life.response.isEnded, life.response.errors],
          [life.downBytes, true, []],
        )
      }
      assert.deepEqual([client.connection.openStreamCount, server.connection.openStreamCount], [0, 0])
      assert.deepEqual([client.closed, server.closed], [[], []])
      const last = client.connection.openStream(requestHead({ bodyLength: UNKNOWN_LENGTH }), false, new SeenResponse())
      last?.sendBody(Buffer.alloc(150_000))
      settle(client, server)
      assert.equal(server.requests.at(-1)?.bodyBytes, 150_000, 'the windows are whole')
    }),
    { seed: 17, numRuns: 400 },
  )
})

function perform(
  client: TestEnd,
  server: TestEnd,
  lives: Life[],
  act: (typeof ACTS)[number],
  which: number,
  bytes: number,
): void {
  if (act === 'open') return void open(client, lives)
  if (act === 'there') return void carry(client, server)
  if (act === 'back') return void carry(server, client)
  if (act === 'full' || act === 'free')
    return void (which % 2 === 0 ? client : server).connection.setWritable(act === 'free')
  const life = lives[lives.length - 1 - which]
  const seen = server.requests[lives.length - 1 - which]
  if (life === undefined || life.isBroken) return
  if (act === 'up' && !life.isUpEnded) {
    life.upBytes += bytes
    life.stream.sendBody(Buffer.alloc(bytes))
  } else if (act === 'upEnd') endUp(life)
  else if (act === 'pauseDown') life.stream.pause()
  else if (act === 'resumeDown') life.stream.resume()
  else if (act === 'cancel') {
    life.isBroken = true
    life.stream.cancel()
  } else if (seen === undefined) return
  else if (act === 'down' && !life.isDownEnded) {
    beginDown(life, seen)
    life.downBytes += bytes
    seen.stream.sendBody(Buffer.alloc(bytes))
  } else if (act === 'downEnd') endDown(life, seen)
  else if (act === 'pauseUp') seen.stream.pause()
  else if (act === 'resumeUp') seen.stream.resume()
  else if (act === 'reset') {
    life.isBroken = true
    seen.stream.reset(meshError('refused', ''))
  }
}

function carry(from: TestEnd, to: TestEnd): void {
  to.connection.receive(from.connection.takeOutput())
  from.connection.goOn()
}

function open(client: TestEnd, lives: Life[]): void {
  const response = new SeenResponse()
  const stream = client.connection.openStream(
    requestHead({ bodyLength: UNKNOWN_LENGTH, fields: ['x', String(lives.length % 3)] }),
    false,
    response,
  )
  assert(stream !== undefined)
  lives.push({
    response,
    stream,
    upBytes: 0,
    downBytes: 0,
    hasHead: false,
    isUpEnded: false,
    isDownEnded: false,
    isBroken: false,
  })
}

function endUp(life: Life): void {
  if (life.isUpEnded) return
  life.isUpEnded = true
  life.stream.sendEnd(life.upBytes % 2 === 0 ? NO_FIELDS : ['x-t', '1'])
}

function beginDown(life: Life, seen: SeenRequest): void {
  if (life.hasHead) return
  life.hasHead = true
  seen.stream.sendHead({ status: 200, fields: [], bodyLength: UNKNOWN_LENGTH }, false)
}

function endDown(life: Life, seen: SeenRequest): void {
  if (life.isDownEnded) return
  beginDown(life, seen)
  life.isDownEnded = true
  seen.stream.sendEnd(life.downBytes % 2 === 0 ? NO_FIELDS : ['x-t', '1'])
}

/** Lets everybody go on, and ends what was not. */
function finish(client: TestEnd, server: TestEnd, lives: readonly Life[]): void {
  client.connection.setWritable(true)
  server.connection.setWritable(true)
  settle(client, server)
  for (const [i, life] of lives.entries()) {
    const seen = server.requests[i]
    assert(seen !== undefined)
    life.stream.resume()
    seen.stream.resume()
    if (life.isBroken) continue
    endUp(life)
    endDown(life, seen)
  }
  settle(client, server)
}
