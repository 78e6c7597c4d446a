import assert from 'node:assert/strict'
import test from 'ava'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import { meshError } from '../../../sidecar/core/mesh-errors.ts'
import { UNKNOWN_LENGTH } from '../../../sidecar/http/head.ts'
import { isMuchUnsent } from '../../../sidecar/http2/stream/held-memory.ts'
import { GET_BLOCK, headers, settings, startedServer, type TestEnd, windowUpdate } from '../../support/http2-frames.ts'

/** A server of whose answers a peer without windows leaves a quarter of what is much. */
function unread(): TestEnd {
  const server = startedServer()
  server.connection.receive(settings([4, 0]))
  server.connection.receive(headers(1, GET_BLOCK))
  server.connection.receive(headers(3, GET_BLOCK))
  for (const { stream } of server.requests) {
    stream.sendHead({ status: 200, fields: [], bodyLength: UNKNOWN_LENGTH }, false)
    stream.sendBody(Buffer.alloc(LIMITS.connectionUnsentBytes / 4))
  }
  return server
}

test('what all connections hold unsent counts together, until it is sent, reset, or its connection is gone', () => {
  const [read, reset, gone, left] = [unread(), unread(), unread(), unread()] as const
  assert.equal(isMuchUnsent(), false)
  const more = unread()
  assert.equal(isMuchUnsent(), true)
  read.connection.receive(Buffer.concat([windowUpdate(0, 1e8), windowUpdate(1, 1e8), windowUpdate(3, 1e8)]))
  for (let i = 0; i < 100; i++) read.connection.takeOutput()
  assert.equal(isMuchUnsent(), false)
  const again = unread()
  assert.equal(isMuchUnsent(), true)
  for (const { stream } of reset.requests) stream.reset(meshError('cancelled', 'enough'))
  assert.equal(isMuchUnsent(), false)
  const last = unread()
  assert.equal(isMuchUnsent(), true)
  gone.connection.close(meshError('cancelled', 'gone'))
  assert.equal(isMuchUnsent(), false)
  for (const { connection } of [left, more, again, last]) connection.close(meshError('cancelled', 'gone'))
  const [first, second, third, fourth] = [unread(), unread(), unread(), unread()]
  assert.equal(isMuchUnsent(), false, 'nothing was counted twice')
  for (const { connection } of [first, second, third, fourth]) connection.close(meshError('cancelled', 'gone'))
})
