import { constants, type ServerHttp2Stream } from 'node:http2'

/** An error as every part of the control plane tells it: what is wrong, where, and what would be right. */
export interface ErrorBody {
  readonly what: string
  readonly where: string
  readonly allowed: string
}

/** Answers a stream with `{error: {what, where, allowed}}` and ends it. Does nothing when the peer is gone already. */
export function refuse(stream: ServerHttp2Stream, status: number, error: ErrorBody): void {
  if (stream.closed || stream.destroyed || stream.headersSent) return
  stream.respond({ ':status': status, 'content-type': 'application/json' })
  // The rest of the request is not wanted (RFC 9113 §8.1).
  stream.end(`${JSON.stringify({ error })}\n`, () => stream.close(constants.NGHTTP2_NO_ERROR))
}
