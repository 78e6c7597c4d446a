import { frame, goAway, reset, settings, windowUpdate } from '../../support/http2-frames.ts'
import { connectionError, dataOn, endOn, pong, pongOf, settingsAcknowledged, streamError } from './expectations.ts'
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
  ping,
  priority,
} from './octets.ts'
import { type Case, section } from './server-case.ts'

const block = literals(...GET)
const openGet = headers(1, block, END_HEADERS)
const begun = headers(1, block, 0)
const EIGHT = Buffer.alloc(8)
const post = headers(1, literals(...POST), END_HEADERS)

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
