import { CLIENT_PREFACE } from '../../../sidecar/http2/frame/frame-type.ts'
import { frame, reset, settings, windowUpdate } from '../../support/http2-frames.ts'
import { closed, connectionError, endOn, pongOf, settingsFirst, someStreamError, streamError } from './expectations.ts'
import {
  BULKY,
  continuation,
  data,
  END_HEADERS,
  END_STREAM,
  GET,
  get,
  headers,
  literals,
  POST,
  PRIORITY,
  ping,
  priority,
  priorityFields,
} from './octets.ts'
import { type Case, section } from './server-case.ts'
import type { WirePeer } from './wire-peer.ts'

const block = literals(...GET)
const post = headers(1, literals(...POST), END_HEADERS)
const openGet = headers(1, block, END_HEADERS)
const begun = headers(1, block, 0)
const EIGHT = Buffer.alloc(8)
const INVALID_PING = frame(6, 0, 3, EIGHT)

const frameBytes = (peer: WirePeer): number => peer.announced.get(5) ?? 16_384
/** GETs on one stream more than the server announced. */
const tooManyGets = (peer: WirePeer): Buffer => {
  const count = peer.announced.get(3) ?? Number.NaN
  return Buffer.concat(Array.from({ length: count + 1 }, (_, i) => get(2 * i + 1)))
}

/** Connections and streams: `http2/3.5` to `http2/5.5` of h2spec, 33 cases. */
export const SERVER_STREAMS: readonly Case[] = [
  {
    section: 'http2/3.5',
    rfc: 'RFC 9113 §3.4',
    sent: "the client's preface",
    steps: [CLIENT_PREFACE, settings([4, 65_535]), settingsFirst],
    isBare: true,
  },
  {
    section: 'http2/3.5',
    rfc: 'RFC 9113 §3.4',
    sent: 'a preface that is none',
    steps: [Buffer.from('INVALID CONNECTION PREFACE\r\n\r\n'), closed],
    isBare: true,
  },
  ...section('http2/4.1', [
    ['RFC 9113 §4.1', 'a frame of an unknown type', frame(0x16, 0, 0, EIGHT), ping('next'), pongOf('next')],
    ['RFC 9113 §4.1', 'a frame with undefined flags', frame(6, 0x16, 0, EIGHT), pongOf('')],
    ['RFC 9113 §4.1', 'a frame with the reserved bit', frame(6, 0x16, 2 ** 31, EIGHT), pongOf('')],
  ]),
  ...section('http2/4.2', [
    ['RFC 9113 §4.2', 'DATA of 2^14 octets', post, data(1, Buffer.alloc(2 ** 14), END_STREAM), endOn(1)],
    [
      'RFC 9113 §4.2',
      'DATA over SETTINGS_MAX_FRAME_SIZE',
      post,
      (peer) => data(1, Buffer.alloc(frameBytes(peer) + 1), END_STREAM),
      connectionError('frameSizeError'),
    ],
    [
      'RFC 9113 §4.2',
      'HEADERS over SETTINGS_MAX_FRAME_SIZE',
      (peer) => headers(1, Buffer.concat([block, literals('x-long', 'x'.repeat(frameBytes(peer)))])),
      connectionError('frameSizeError'),
    ],
  ]),
  ...section('http2/4.3', [
    [
      'RFC 9113 §4.3',
      'a header block that is cut off',
      headers(1, Buffer.from([0x40])),
      connectionError('compressionError'),
    ],
    [
      'RFC 9113 §4.3',
      'PRIORITY within a header block',
      begun,
      priority(1, 0),
      continuation(1, BULKY, END_HEADERS),
      connectionError('protocolError'),
    ],
    [
      'RFC 9113 §4.3',
      'HEADERS of another stream within a header block',
      begun,
      get(3),
      continuation(1, BULKY, END_HEADERS),
      connectionError('protocolError'),
    ],
  ]),
  ...section('http2/5.1', [
    ['RFC 9113 §5.1', 'DATA on an idle stream', data(1, 'test', END_STREAM), connectionError('protocolError')],
    ['RFC 9113 §5.1', 'RST_STREAM on an idle stream', reset(1, 8), connectionError('protocolError')],
    ['RFC 9113 §5.1', 'WINDOW_UPDATE on an idle stream', windowUpdate(1, 100), connectionError('protocolError')],
    [
      'RFC 9113 §5.1',
      'CONTINUATION on an idle stream',
      continuation(1, block, END_HEADERS),
      connectionError('protocolError'),
    ],
    [
      'RFC 9113 §5.1',
      'DATA on a half-closed (remote) stream',
      get(1),
      data(1, 'test', END_STREAM),
      streamError(1, 'streamClosed'),
    ],
    ['RFC 9113 §5.1', 'HEADERS on a half-closed (remote) stream', get(1), get(1), streamError(1, 'streamClosed')],
    [
      'RFC 9113 §5.1',
      'CONTINUATION on a half-closed (remote) stream',
      get(1),
      continuation(1, block, END_HEADERS),
      connectionError('protocolError'),
    ],
    [
      'RFC 9113 §5.1',
      'DATA after RST_STREAM',
      openGet,
      reset(1, 8),
      data(1, 'test', END_STREAM),
      streamError(1, 'streamClosed'),
    ],
    ['RFC 9113 §5.1', 'HEADERS after RST_STREAM', openGet, reset(1, 8), get(1), connectionError('streamClosed')],
    [
      'RFC 9113 §5.1',
      'CONTINUATION after RST_STREAM',
      openGet,
      reset(1, 8),
      continuation(1, BULKY, END_HEADERS),
      connectionError('protocolError'),
    ],
    [
      'RFC 9113 §5.1',
      'DATA on a closed stream',
      get(1),
      endOn(1),
      data(1, 'test', END_STREAM),
      streamError(1, 'streamClosed'),
    ],
    ['RFC 9113 §5.1', 'HEADERS on a closed stream', get(1), endOn(1), get(1), connectionError('streamClosed')],
    [
      'RFC 9113 §5.1',
      'CONTINUATION on a closed stream',
      get(1),
      endOn(1),
      continuation(1, BULKY, END_HEADERS),
      connectionError('protocolError'),
    ],
  ]),
  ...section('http2/5.1.1', [
    ['RFC 9113 §5.1.1', 'a stream with an even id', get(2), connectionError('protocolError')],
    ['RFC 9113 §5.1.1', 'a lower id than the one before', get(5), get(3), connectionError('protocolError')],
  ]),
  ...section('http2/5.1.2', [
    [
      'RFC 9113 §5.1.2',
      'one stream more than was announced',
      settings([4, 0]),
      tooManyGets,
      someStreamError('refusedStream'),
    ],
  ]),
  // RFC 9113 §5.3.2 leaves priorities out; a dependency on itself was never allowed, and is treated as before, with the
  // choice of §5.4.1 to end the connection.
  ...section('http2/5.3.1', [
    [
      'RFC 7540 §5.3.1',
      'HEADERS of a stream that depends on itself',
      headers(1, Buffer.concat([priorityFields(1, 255, false), block]), END_STREAM | END_HEADERS | PRIORITY),
      connectionError('protocolError'),
    ],
    [
      'RFC 7540 §5.3.1',
      'PRIORITY of a stream that depends on itself',
      priority(1, 1),
      connectionError('protocolError'),
    ],
  ]),
  ...section('http2/5.4.1', [
    ['RFC 9113 §5.4.1', 'an invalid PING', INVALID_PING, closed],
    ['RFC 9113 §5.4.1', 'an invalid PING, with a last word', INVALID_PING, connectionError('protocolError')],
  ]),
  ...section('http2/5.5', [
    ['RFC 9113 §5.5', 'an extension frame', frame(0x16, 0, 0, EIGHT), ping('next'), pongOf('next')],
    [
      'RFC 9113 §5.5',
      'an extension frame within a header block',
      headers(1, block, END_STREAM),
      frame(0x16, 0, 0, EIGHT),
      connectionError('protocolError'),
    ],
  ]),
]
