import { frame, reset, settings, windowUpdate } from '../../support/http2-frames.ts'
import {
  closed,
  connectionError,
  type Expectation,
  pong,
  pongOf,
  type Step,
  settingsAcknowledged,
  settingsFirst,
  streamError,
} from './expectations.ts'
import {
  ACK,
  BULKY,
  continuation,
  data,
  END_HEADERS,
  END_STREAM,
  headers,
  literals,
  OK,
  PADDED,
  ping,
  priority,
} from './octets.ts'
import type { WirePeer } from './wire-peer.ts'

/**
 * What the caller behind the client sees of its request: the response, an error of the mesh, or, where a fault comes
 * behind a complete response, whichever the caller met first.
 */
export type Outcome = 'response' | 'error' | 'either'

/** h2spec's section; the RFC's; what is sent; what the caller sees; the script. */
export interface ClientCase {
  readonly section: string
  readonly rfc: string
  readonly sent: string
  readonly outcome: Outcome
  readonly steps: readonly Step[]
  /** How far the client is when the script begins: SETTINGS are exchanged, unless it is `bare`. */
  readonly isBare: boolean
}

type Row = readonly [rfc: string, sent: string, outcome: Outcome, ...steps: Step[]]
const section = (name: string, rows: readonly Row[], isBare = false): readonly ClientCase[] =>
  rows.map(([rfc, sent, outcome, ...steps]) => ({ section: name, rfc, sent, outcome, steps, isBare }))

const block = literals(...OK)
/** The response to the request, which is the first of its connection. */
const response = headers(1, block)
const begun = headers(1, block, END_HEADERS)
const EIGHT = Buffer.alloc(8)
const INVALID_PING = frame(6, 0, 3, EIGHT)
const wrong: Expectation = connectionError('protocolError')
const wrongSize: Expectation = connectionError('frameSizeError')
const wrongWindow: Expectation = connectionError('flowControlError')
const ended: Expectation = connectionError('streamClosed')
const frameBytes = (peer: WirePeer): number => peer.announced.get(5) ?? 16_384
/** The frame that a server begins with, of this kind. */
const first = (...pairs: [number, number][]): Step => settings(...pairs)

/** `client` of h2spec, 57 cases. Where its rows leave the request open, the script's last step answers it. */
export const CLIENT_CASES: readonly ClientCase[] = [
  ...section('client/1', [['RFC 9113 §3.4', "the server's preface", 'response', response, pong]]),
  ...section('client/4.1', [
    ['RFC 9113 §4.1', 'a frame of an unknown type', 'response', frame(0x16, 0, 0, EIGHT), ping('next'), pongOf('next')],
    ['RFC 9113 §4.1', 'a frame with undefined flags', 'response', frame(6, 0x16, 0, EIGHT), pongOf('')],
    ['RFC 9113 §4.1', 'a frame with the reserved bit', 'response', frame(6, 0x16, 2 ** 31, EIGHT), pongOf('')],
  ]),
  ...section('client/4.2', [
    ['RFC 9113 §4.2', 'DATA of 2^14 octets', 'response', begun, data(1, Buffer.alloc(2 ** 14), END_STREAM), pong],
    [
      'RFC 9113 §4.2',
      'DATA over SETTINGS_MAX_FRAME_SIZE',
      'error',
      begun,
      (peer) => data(1, Buffer.alloc(frameBytes(peer) + 1), END_STREAM),
      wrongSize,
    ],
    [
      'RFC 9113 §4.2',
      'HEADERS over SETTINGS_MAX_FRAME_SIZE',
      'error',
      (peer) => headers(1, Buffer.concat([block, literals('x-long', 'x'.repeat(frameBytes(peer)))])),
      wrongSize,
    ],
  ]),
  ...section('client/4.3', [
    [
      'RFC 9113 §4.3',
      'a header block that is cut off',
      'error',
      headers(1, Buffer.from([0x40])),
      connectionError('compressionError'),
    ],
  ]),
  ...section('client/5.1', [
    ['RFC 9113 §5.1', 'DATA on an idle stream', 'error', data(2, 'test', END_STREAM), wrong],
    ['RFC 9113 §5.1', 'RST_STREAM on an idle stream', 'error', reset(2, 8), wrong],
    ['RFC 9113 §5.1', 'WINDOW_UPDATE on an idle stream', 'error', windowUpdate(2, 100), wrong],
    ['RFC 9113 §5.1', 'CONTINUATION on an idle stream', 'error', continuation(2, block, END_HEADERS), wrong],
    ['RFC 9113 §5.1', 'DATA after RST_STREAM', 'error', begun, reset(1, 8), data(1, 'test', END_STREAM), ended],
    ['RFC 9113 §5.1', 'HEADERS after RST_STREAM', 'error', begun, reset(1, 8), response, ended],
    [
      'RFC 9113 §5.1',
      'CONTINUATION after RST_STREAM',
      'error',
      begun,
      reset(1, 8),
      continuation(1, BULKY, END_HEADERS),
      wrong,
    ],
    ['RFC 9113 §5.1', 'DATA on a closed stream', 'either', response, data(1, 'test', END_STREAM), ended],
    ['RFC 9113 §5.1', 'HEADERS on a closed stream', 'either', response, response, ended],
    [
      'RFC 9113 §5.1',
      'CONTINUATION on a closed stream',
      'either',
      response,
      continuation(1, BULKY, END_HEADERS),
      wrong,
    ],
  ]),
  ...section('client/5.1.1', [
    ['RFC 9113 §5.1.1', 'HEADERS on a stream that nobody opened', 'error', headers(101, block), wrong],
  ]),
  ...section('client/5.4.1', [
    ['RFC 9113 §5.4.1', 'an invalid PING', 'error', INVALID_PING, closed],
    ['RFC 9113 §5.4.1', 'an invalid PING, with a last word', 'error', INVALID_PING, wrong],
  ]),
  ...section('client/5.5', [
    ['RFC 9113 §5.5', 'an extension frame', 'response', frame(0x16, 0, 0, EIGHT), ping('next'), pongOf('next')],
  ]),
  ...section('client/6.1', [
    ['RFC 9113 §6.1', 'DATA on stream 0', 'error', data(0, 'test', END_STREAM), wrong],
    ['RFC 9113 §6.1', 'DATA on a stream that is not open', 'either', response, data(1, 'test', END_STREAM), ended],
    [
      'RFC 9113 §6.1',
      'DATA with padding longer than the frame',
      'error',
      headers(1, literals(...OK, 'content-length', '4'), END_HEADERS),
      data(1, '\x06Test', END_STREAM | PADDED),
      wrong,
    ],
  ]),
  ...section('client/6.2', [
    [
      'RFC 9113 §6.2',
      'HEADERS that go on, then PRIORITY',
      'error',
      headers(1, block, 0),
      priority(1, 0),
      continuation(1, BULKY, END_HEADERS),
      wrong,
    ],
    ['RFC 9113 §6.2', 'HEADERS on stream 0', 'error', headers(0, block), wrong],
    [
      'RFC 9113 §6.2',
      'HEADERS with padding longer than the frame',
      'error',
      headers(1, Buffer.concat([Buffer.from([block.length + 2]), block]), PADDED),
      wrong,
    ],
  ]),
  ...section('client/6.3', [
    ['RFC 9113 §6.3', 'PRIORITY on stream 0', 'error', priority(0, 0), wrong],
    ['RFC 9113 §6.3', 'PRIORITY of another length than 5', 'either', response, frame(2, 0, 1, '80000001'), wrongSize],
  ]),
  ...section('client/6.4', [
    ['RFC 9113 §6.4', 'RST_STREAM on stream 0', 'error', reset(0, 8), wrong],
    ['RFC 9113 §6.4', 'RST_STREAM on an idle stream', 'error', reset(2, 8), wrong],
    ['RFC 9113 §6.4', 'RST_STREAM of another length than 4', 'either', response, frame(3, 0, 1, '000000'), wrongSize],
  ]),
  ...section(
    'client/6.5',
    [
      ['RFC 9113 §6.5', 'an acknowledgement with a payload', 'error', settingsFirst, frame(4, ACK, 0, '00'), wrongSize],
      ['RFC 9113 §6.5', 'SETTINGS on a stream', 'error', settingsFirst, frame(4, 0, 1, '000300000064'), wrong],
      [
        'RFC 9113 §6.5',
        'SETTINGS of a length that is no multiple of 6',
        'error',
        settingsFirst,
        frame(4, 0, 0, '000300'),
        wrongSize,
      ],
    ],
    true,
  ),
  ...section(
    'client/6.5.2',
    [
      [
        'RFC 9113 §6.5.2',
        'SETTINGS_INITIAL_WINDOW_SIZE over 2^31 - 1',
        'error',
        settingsFirst,
        first([4, 2 ** 31]),
        wrongWindow,
      ],
      ['RFC 9113 §6.5.2', 'SETTINGS_MAX_FRAME_SIZE under 2^14', 'error', settingsFirst, first([5, 2 ** 14 - 1]), wrong],
      ['RFC 9113 §6.5.2', 'SETTINGS_MAX_FRAME_SIZE over 2^24 - 1', 'error', settingsFirst, first([5, 2 ** 24]), wrong],
      [
        'RFC 9113 §6.5.2',
        'a parameter that is unknown',
        'response',
        settingsFirst,
        first([0xff, 1]),
        ping('next'),
        pongOf('next'),
      ],
    ],
    true,
  ),
  ...section(
    'client/6.5.3',
    [['RFC 9113 §6.5.3', 'SETTINGS', 'response', settingsFirst, first([3, 100]), settingsAcknowledged]],
    true,
  ),
  ...section('client/6.7', [
    ['RFC 9113 §6.7', 'PING', 'response', ping('h2spec'), pongOf('h2spec')],
    [
      'RFC 9113 §6.7',
      'PING that is an answer, then PING',
      'response',
      ping('invalid', ACK),
      ping('h2spec'),
      pongOf('h2spec'),
    ],
    ['RFC 9113 §6.7', 'PING on a stream', 'error', frame(6, 0, 1, EIGHT), wrong],
    ['RFC 9113 §6.7', 'PING of another length than 8', 'error', frame(6, 0, 0, Buffer.alloc(6)), wrongSize],
  ]),
  ...section('client/6.8', [['RFC 9113 §6.8', 'GOAWAY on a stream', 'error', frame(7, 0, 1, EIGHT), wrong]]),
  ...section('client/6.9', [
    ['RFC 9113 §6.9', 'WINDOW_UPDATE of 0 on the connection', 'error', windowUpdate(0, 0), wrong],
    [
      'RFC 9113 §6.9',
      'WINDOW_UPDATE of 0 on a stream',
      'error',
      begun,
      windowUpdate(1, 0),
      streamError(1, 'protocolError'),
    ],
    ['RFC 9113 §6.9', 'WINDOW_UPDATE of another length than 4', 'error', frame(8, 0, 0, '000001'), wrongSize],
  ]),
  ...section('client/6.9.1', [
    [
      'RFC 9113 §6.9.1',
      'WINDOW_UPDATE over 2^31 - 1 on the connection',
      'error',
      windowUpdate(0, 2 ** 31 - 1),
      windowUpdate(0, 2 ** 31 - 1),
      wrongWindow,
    ],
    [
      'RFC 9113 §6.9.1',
      'WINDOW_UPDATE over 2^31 - 1 on a stream',
      'error',
      begun,
      windowUpdate(1, 2 ** 31 - 1),
      windowUpdate(1, 2 ** 31 - 1),
      streamError(1, 'flowControlError'),
    ],
  ]),
  ...section('client/6.10', [
    [
      'RFC 9113 §6.10',
      'two CONTINUATION frames',
      'response',
      headers(1, block, END_STREAM),
      continuation(1, BULKY),
      continuation(1, BULKY, END_HEADERS),
      pong,
    ],
    [
      'RFC 9113 §6.10',
      'CONTINUATION, then another frame',
      'error',
      headers(1, block, 0),
      continuation(1, BULKY),
      data(1, 'test', END_STREAM),
      wrong,
    ],
    [
      'RFC 9113 §6.10',
      'CONTINUATION on stream 0',
      'error',
      headers(1, block, END_STREAM),
      continuation(0, BULKY, END_HEADERS),
      wrong,
    ],
    [
      'RFC 9113 §6.10',
      'CONTINUATION after the end of a block, in HEADERS',
      'either',
      response,
      continuation(1, BULKY, END_HEADERS),
      wrong,
    ],
    [
      'RFC 9113 §6.10',
      'CONTINUATION after the end of a block, in CONTINUATION',
      'either',
      headers(1, block, END_STREAM),
      continuation(1, BULKY, END_HEADERS),
      continuation(1, BULKY, END_HEADERS),
      wrong,
    ],
    [
      'RFC 9113 §6.10',
      'DATA within a header block, then CONTINUATION',
      'error',
      headers(1, block, 0),
      data(1, 'test', END_STREAM),
      continuation(1, BULKY),
      continuation(0, BULKY, END_HEADERS),
      wrong,
    ],
  ]),
]
