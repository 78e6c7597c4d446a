import { CLIENT_PREFACE } from '../../../sidecar/http2/frame/frame-type.ts'
import { frame, goAway, reset, settings, windowUpdate } from '../../support/http2-frames.ts'
import {
  closed,
  connectionError,
  dataOn,
  endOn,
  pong,
  pongOf,
  settingsAcknowledged,
  settingsFirst,
  someStreamError,
  streamError,
} from './expectations.ts'
import {
  ACK,
  BULKY,
  continuation,
  data,
  END_HEADERS,
  END_STREAM,
  GET,
  get,
  headers,
  literals,
  PADDED,
  POST,
  PRIORITY,
  ping,
  priority,
  priorityFields,
} from './octets.ts'
import { type Case, section } from './server-generic.ts'
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

/** Frames and their parameters: `http2/6.1` to `http2/6.10` of h2spec, 42 cases. */
export const SERVER_FRAMES: readonly Case[] = [
  ...section('http2/6.1', [
    ['RFC 9113 §6.1', 'DATA on stream 0', data(0, 'test', END_STREAM), connectionError('protocolError')],
    [
      'RFC 9113 §6.1',
      'DATA on a stream that is not open',
      headers(1, literals(...POST)),
      data(1, 'test', END_STREAM),
      streamError(1, 'streamClosed'),
    ],
    [
      'RFC 9113 §6.1',
      'DATA with padding longer than the frame',
      headers(1, literals(...POST, 'content-length', '4'), END_HEADERS),
      data(1, '\x06Test', END_STREAM | PADDED),
      connectionError('protocolError'),
    ],
  ]),
  ...section('http2/6.2', [
    [
      'RFC 9113 §6.2',
      'HEADERS that go on, then PRIORITY',
      begun,
      priority(1, 0),
      continuation(1, BULKY, END_HEADERS),
      connectionError('protocolError'),
    ],
    [
      'RFC 9113 §6.2',
      'HEADERS that go on, then those of another stream',
      begun,
      get(3),
      continuation(1, BULKY, END_HEADERS),
      connectionError('protocolError'),
    ],
    ['RFC 9113 §6.2', 'HEADERS on stream 0', get(0), connectionError('protocolError')],
    [
      'RFC 9113 §6.2',
      'HEADERS with padding longer than the frame',
      headers(1, Buffer.concat([Buffer.from([block.length + 2]), block]), END_STREAM | END_HEADERS | PADDED),
      connectionError('protocolError'),
    ],
  ]),
  ...section('http2/6.3', [
    ['RFC 9113 §6.3', 'PRIORITY on stream 0', priority(0, 0), connectionError('protocolError')],
    [
      'RFC 9113 §6.3',
      'PRIORITY of another length than 5',
      get(1),
      frame(2, 0, 1, '80000001'),
      connectionError('frameSizeError'),
    ],
  ]),
  ...section('http2/6.4', [
    ['RFC 9113 §6.4', 'RST_STREAM on stream 0', reset(0, 8), connectionError('protocolError')],
    ['RFC 9113 §6.4', 'RST_STREAM on an idle stream', reset(1, 8), connectionError('protocolError')],
    [
      'RFC 9113 §6.4',
      'RST_STREAM of another length than 4',
      get(1),
      frame(3, 0, 1, '000000'),
      connectionError('frameSizeError'),
    ],
  ]),
  ...section('http2/6.5', [
    ['RFC 9113 §6.5', 'an acknowledgement with a payload', frame(4, ACK, 0, '00'), connectionError('frameSizeError')],
    ['RFC 9113 §6.5', 'SETTINGS on a stream', frame(4, 0, 1, '000300000064'), connectionError('protocolError')],
    [
      'RFC 9113 §6.5',
      'SETTINGS of a length that is no multiple of 6',
      frame(4, 0, 0, '000300'),
      connectionError('frameSizeError'),
    ],
  ]),
  ...section('http2/6.5.2', [
    ['RFC 9113 §6.5.2', 'SETTINGS_ENABLE_PUSH of 2', settings([2, 2]), connectionError('protocolError')],
    [
      'RFC 9113 §6.5.2',
      'SETTINGS_INITIAL_WINDOW_SIZE over 2^31 - 1',
      settings([4, 2 ** 31]),
      connectionError('flowControlError'),
    ],
    [
      'RFC 9113 §6.5.2',
      'SETTINGS_MAX_FRAME_SIZE under 2^14',
      settings([5, 2 ** 14 - 1]),
      connectionError('protocolError'),
    ],
    [
      'RFC 9113 §6.5.2',
      'SETTINGS_MAX_FRAME_SIZE over 2^24 - 1',
      settings([5, 2 ** 24]),
      connectionError('protocolError'),
    ],
    ['RFC 9113 §6.5.2', 'a parameter that is unknown', settings([0xff, 1]), ping('next'), pongOf('next')],
  ]),
  ...section('http2/6.5.3', [
    [
      'RFC 9113 §6.5.3',
      'SETTINGS_INITIAL_WINDOW_SIZE twice in a frame',
      settings([4, 100], [4, 1]),
      settingsAcknowledged,
      get(1),
      dataOn(1, 1),
    ],
    ['RFC 9113 §6.5.3', 'SETTINGS', settings([2, 0]), settingsAcknowledged],
  ]),
  ...section('http2/6.7', [
    ['RFC 9113 §6.7', 'PING', ping('h2spec'), pongOf('h2spec')],
    ['RFC 9113 §6.7', 'PING that is an answer, then PING', ping('invalid', ACK), ping('h2spec'), pongOf('h2spec')],
    ['RFC 9113 §6.7', 'PING on a stream', frame(6, 0, 1, EIGHT), connectionError('protocolError')],
    [
      'RFC 9113 §6.7',
      'PING of another length than 8',
      frame(6, 0, 0, Buffer.alloc(6)),
      connectionError('frameSizeError'),
    ],
  ]),
  ...section('http2/6.8', [
    ['RFC 9113 §6.8', 'GOAWAY on a stream', frame(7, 0, 1, EIGHT), connectionError('protocolError')],
  ]),
  ...section('http2/6.9', [
    ['RFC 9113 §6.9', 'WINDOW_UPDATE of 0 on the connection', windowUpdate(0, 0), connectionError('protocolError')],
    ['RFC 9113 §6.9', 'WINDOW_UPDATE of 0 on a stream', openGet, windowUpdate(1, 0), streamError(1, 'protocolError')],
    [
      'RFC 9113 §6.9',
      'WINDOW_UPDATE of another length than 4',
      frame(8, 0, 0, '000001'),
      connectionError('frameSizeError'),
    ],
  ]),
  ...section('http2/6.9.1', [
    ['RFC 9113 §6.9.1', 'GET under a window of 1', settings([4, 1]), settingsAcknowledged, get(1), dataOn(1, 1)],
    [
      'RFC 9113 §6.9.1',
      'WINDOW_UPDATE over 2^31 - 1 on the connection',
      windowUpdate(0, 2 ** 31 - 1),
      windowUpdate(0, 2 ** 31 - 1),
      connectionError('flowControlError'),
    ],
    [
      'RFC 9113 §6.9.1',
      'WINDOW_UPDATE over 2^31 - 1 on a stream',
      openGet,
      windowUpdate(1, 2 ** 31 - 1),
      windowUpdate(1, 2 ** 31 - 1),
      streamError(1, 'flowControlError'),
    ],
  ]),
  ...section('http2/6.9.2', [
    [
      'RFC 9113 §6.9.2',
      'a larger window for all streams after HEADERS',
      settings([4, 0]),
      settingsAcknowledged,
      get(1),
      settings([4, 1]),
      dataOn(1, 1),
    ],
    [
      'RFC 9113 §6.9.2',
      'a window that becomes negative',
      settings([4, 3]),
      settingsAcknowledged,
      get(1),
      dataOn(1, 3),
      settings([4, 2]),
      settingsAcknowledged,
      windowUpdate(1, 2),
      dataOn(1, 1),
    ],
    ['RFC 9113 §6.9.2', 'a window over 2^31 - 1', settings([4, 2 ** 31]), connectionError('flowControlError')],
  ]),
  ...section('http2/6.10', [
    [
      'RFC 9113 §6.10',
      'two CONTINUATION frames',
      headers(1, block, END_STREAM),
      continuation(1, BULKY),
      continuation(1, BULKY, END_HEADERS),
      endOn(1),
    ],
    [
      'RFC 9113 §6.10',
      'CONTINUATION, then another frame',
      headers(1, literals(...POST), 0),
      continuation(1, BULKY),
      data(1, 'test', END_STREAM),
      connectionError('protocolError'),
    ],
    [
      'RFC 9113 §6.10',
      'CONTINUATION on stream 0',
      headers(1, block, END_STREAM),
      continuation(0, BULKY, END_HEADERS),
      connectionError('protocolError'),
    ],
    [
      'RFC 9113 §6.10',
      'CONTINUATION after the end of a block, in HEADERS',
      get(1),
      continuation(1, BULKY, END_HEADERS),
      connectionError('protocolError'),
    ],
    [
      'RFC 9113 §6.10',
      'CONTINUATION after the end of a block, in CONTINUATION',
      headers(1, block, END_STREAM),
      continuation(1, BULKY, END_HEADERS),
      continuation(1, BULKY, END_HEADERS),
      connectionError('protocolError'),
    ],
    [
      'RFC 9113 §6.10',
      'DATA within a header block, then CONTINUATION',
      headers(1, literals(...POST), 0),
      data(1, 'test', END_STREAM),
      continuation(1, BULKY),
      continuation(0, BULKY, END_HEADERS),
      connectionError('protocolError'),
    ],
  ]),
]

/** `http2/7` of h2spec, 2 cases. */
export const SERVER_CODES: readonly Case[] = section('http2/7', [
  ['RFC 9113 §7', 'GOAWAY with an unknown code', goAway(0, 0xff), pong],
  ['RFC 9113 §7', 'RST_STREAM with an unknown code', post, reset(1, 0xff), pong],
])
