import { constants, type ServerHttp2Stream } from 'node:http2'
import { LineSplitter } from '../../sidecar/config/watch-lines.ts'
import type { Clock } from '../../sidecar/core/clock.ts'
import type { PeerIdentity, PushHub } from './push-hub.ts'
import { PUSH_LIMITS } from './push-limits.ts'
import { refuse } from './refuse.ts'
import type { LineSink } from './watch-session.ts'

/** A peer that does not read gets this long to take the end of its stream, ms. */
const END_GRACE_MS = 1_000

/** Joins one HTTP/2 stream to a session of the hub. The response begins with the first line, so that a refused hello is a status. */
export function serveWatch(
  stream: ServerHttp2Stream,
  peer: PeerIdentity,
  deps: { readonly clock: Clock; readonly hub: PushHub },
): void {
  const lines = new LineSplitter(PUSH_LIMITS.requestLineBytes)
  const opened = deps.hub.open(peer, sinkOf(stream, deps.clock))
  if (!opened.ok) {
    refuse(stream, 429, { what: opened.error, where: '/v1/watch', allowed: 'fewer streams; try again later' })
    return
  }
  const { session, closed } = opened.value
  // A connection must not outlive the identity that it proved; a sidecar comes with its renewed one long before.
  const over = deps.clock.after(
    peer.notAfterMs - deps.clock.wallMs(),
    () => session.end('the certificate of this connection is over'),
    { background: true },
  )
  stream.on('data', (chunk: Buffer) => {
    const cut = lines.push(chunk)
    if (cut.ok) session.onLines(cut.value)
    else session.end(cut.error)
  })
  stream.on('drain', () => session.onDrain())
  stream.on('end', () => session.end())
  stream.on('close', () => {
    over.cancel()
    closed()
  })
}

function sinkOf(stream: ServerHttp2Stream, clock: Clock): LineSink {
  let reason: string | undefined
  return {
    write(line) {
      if (stream.destroyed || stream.writableEnded) return false
      if (!stream.headersSent) {
        stream.respond({ ':status': 200, 'content-type': 'application/x-ndjson' }, { waitForTrailers: true })
        stream.on('wantTrailers', () => {
          if (reason === undefined) stream.close(constants.NGHTTP2_NO_ERROR)
          else stream.sendTrailers({ 'x-outrigger-reason': toFieldValue(reason) })
        })
      }
      return stream.write(line)
    },
    end(why) {
      reason = why
      if (stream.destroyed) return
      if (stream.headersSent) stream.end()
      else if (why === undefined) stream.close(constants.NGHTTP2_CANCEL)
      else
        refuse(stream, 403, { what: why, where: '/v1/watch', allowed: 'one hello of the identity in the certificate' })
      const force = clock.after(END_GRACE_MS, () => stream.close(constants.NGHTTP2_CANCEL), { background: true })
      stream.once('close', () => force.cancel())
    },
  }
}

/** Header fields hold visible ASCII only (RFC 9110 §5.5). */
const toFieldValue = (text: string): string => text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 512)
