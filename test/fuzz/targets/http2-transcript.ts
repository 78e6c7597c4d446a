import assert from 'node:assert/strict'
import type { Clock } from '../../../sidecar/core/clock.ts'
import { UNKNOWN_LENGTH } from '../../../sidecar/http/head.ts'
import { FrameType } from '../../../sidecar/http2/frame/frame-type.ts'
import type { Http2Settings } from '../../../sidecar/http2/http2-settings.ts'
import { framesOf, SeenResponse, TestEnd, toWords } from '../../support/http2-frames.ts'
import { requestHead } from '../../support/recording-streams.ts'

/** Time stands still: limits by the second are limits by count, the same for every cut. */
const STILL: Clock = { nowMs: () => 1_000, wallMs: () => 0, after: () => ({ cancel: () => undefined }) }

/** Small, so that inputs of a few kilobytes pass them. */
export const SMALL_SETTINGS: Partial<Http2Settings> = {
  streamWindowBytes: 2_000,
  connectionWindowBytes: 65_535,
  headerListBytes: 2_000,
  headerCount: 24,
  headerTableBytes: 256,
  streamCount: 8,
}

const OPENED = 4

/** What the peer's octets led to: what the owner heard, and what we said. */
export interface Http2Transcript {
  readonly seen: readonly unknown[]
  /** The frames that we sent, in words. */
  readonly said: readonly string[]
  /** Why the connection ended, '' when it did not. */
  readonly closed: string
  readonly counters: object
}

/** What a connection said and heard when `pieces` arrived. Sources that credit windows may do so at other times: left out. */
export function serverTranscript(pieces: readonly Buffer[]): Http2Transcript {
  const server = new TestEnd('server', SMALL_SETTINGS, STILL)
  server.onSeen = ({ stream }) => {
    stream.sendHead({ status: 200, fields: ['x', 'y'], bodyLength: UNKNOWN_LENGTH }, false)
    stream.sendBody(Buffer.from('seen'))
    stream.sendEnd([])
  }
  receiveAll(server, pieces)
  assert(server.connection.openStreamCount <= 8, 'no more streams are open than were allowed')
  const seen = server.requests.map(({ head, body, bodyBytes, isEnded, trailers, errors }) => ({
    head,
    // Of what breaks off, a longer or shorter piece was passed on before.
    ...(errors.length > 0 || !isEnded ? {} : { body, bodyBytes }),
    isEnded,
    trailers,
    errors: errors.map(({ code }) => code),
  }))
  for (const { errors } of server.requests) assert(errors.length <= 1, 'one error')
  return { seen, ...outcomeOf(server) }
}

/** A client with four requests under way. */
export function clientTranscript(pieces: readonly Buffer[]): Http2Transcript {
  const client = new TestEnd('client', SMALL_SETTINGS, STILL)
  const responses: SeenResponse[] = []
  for (let i = 0; i < OPENED; i++) {
    const response = new SeenResponse()
    const method = i === 1 ? 'HEAD' : i === 2 ? 'CONNECT' : 'POST'
    client.connection.openStream(
      requestHead({ method, bodyLength: i === 0 ? UNKNOWN_LENGTH : 0 }),
      i !== 0 && i !== 2,
      response,
    )
    responses.push(response)
  }
  client.connection.takeOutput()
  receiveAll(client, pieces)
  const seen = responses.map(({ head, body, bodyBytes, isEnded, interims, trailers, errors }) => ({
    head,
    ...(errors.length > 0 || !isEnded ? {} : { body, bodyBytes }),
    isEnded,
    interims,
    trailers,
    errors: errors.map(({ code }) => code),
  }))
  for (const { errors, isEnded } of responses) assert(errors.length + (isEnded ? 1 : 0) <= 1, 'one end')
  return { seen: [...seen, client.goAways], ...outcomeOf(client) }
}

/** Each piece is overwritten once it was read, as its owner may. */
function receiveAll(end: TestEnd, pieces: readonly Buffer[]): void {
  for (const piece of pieces) {
    const borrowed = Buffer.from(piece)
    end.connection.receive(borrowed)
    borrowed.fill(0x58)
  }
}

function outcomeOf(end: TestEnd): Omit<Http2Transcript, 'seen'> {
  const frames = framesOf(end.connection.takeOutput())
  assert(end.closed.length <= 1, 'one end of the connection')
  if (end.closed.length > 0) {
    assert.equal(frames.at(-1)?.type, FrameType.goAway, 'the last word is GOAWAY')
    assert.equal(end.connection.openStreamCount, 0, 'no stream outlives its connection')
  }
  return {
    said: frames.filter(({ type }) => type !== FrameType.windowUpdate).map(toWords),
    closed: end.closed.map(({ code, detail }) => `${code} ${detail}`).join(),
    counters: { ...end.counters },
  }
}
