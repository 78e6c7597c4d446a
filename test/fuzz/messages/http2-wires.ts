import { CLIENT_PREFACE, FrameType } from '../../../sidecar/http2/frame/frame-type.ts'
import {
  block,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  GET_BLOCK,
  goAway,
  headers,
  POST_BLOCK,
  reset,
  settings,
  uint32,
  windowUpdate,
} from '../../support/http2-frames.ts'

const PADDED = 8
const PRIORITY = 0x20
const ACK = frame(FrameType.settings, 1, 0)
const ping = (flags = 0): Buffer => frame(FrameType.ping, flags, 0, '0102030405060708')
const continuation = (streamId: number, octets: Buffer, flags = END_HEADERS): Buffer =>
  frame(FrameType.continuation, flags, streamId, octets)
const indexed = Buffer.concat([GET_BLOCK, Buffer.from('400178017940017a0131', 'hex')])
const again = Buffer.concat([GET_BLOCK, Buffer.from('bebf', 'hex')])
const withLength = (length: string): Buffer => Buffer.concat([POST_BLOCK, block('content-length', length)])
const trailers = block('x-sum', '1')
const websocket = block(
  ':method',
  'CONNECT',
  ':protocol',
  'websocket',
  ':scheme',
  'http',
  ':authority',
  'a',
  ':path',
  '/',
)

/** What clients send behind preface and settings: requests, control frames, and what breaks the rules. */
export const REQUEST_FRAMES: readonly (readonly Buffer[])[] = [
  [headers(1, GET_BLOCK)],
  [headers(1, GET_BLOCK), headers(3, GET_BLOCK), headers(5, GET_BLOCK)],
  [headers(1, indexed), headers(3, again), headers(5, again)],
  [headers(1, POST_BLOCK, END_HEADERS), data(1, 'hello', END_STREAM)],
  [headers(1, POST_BLOCK, END_HEADERS), data(1, 'hel'), data(1, 'lo'), data(1, '', END_STREAM)],
  [headers(1, withLength('5'), END_HEADERS), data(1, 'hello', END_STREAM)],
  [headers(1, withLength('4'), END_HEADERS), data(1, 'hello', END_STREAM)],
  [headers(1, POST_BLOCK, END_HEADERS), data(1, 'hello'), headers(1, trailers)],
  [headers(1, POST_BLOCK, END_HEADERS), frame(FrameType.data, PADDED | END_STREAM, 1, '0368656c6c6f000000')],
  [
    frame(
      FrameType.headers,
      END_HEADERS | END_STREAM | PADDED,
      1,
      Buffer.concat([Buffer.of(2), GET_BLOCK, Buffer.alloc(2)]),
    ),
  ],
  [
    frame(
      FrameType.headers,
      END_HEADERS | END_STREAM | PRIORITY,
      1,
      Buffer.concat([Buffer.from('0000000010', 'hex'), GET_BLOCK]),
    ),
  ],
  [headers(1, GET_BLOCK.subarray(0, 2), END_STREAM), continuation(1, GET_BLOCK.subarray(2))],
  [
    headers(1, GET_BLOCK.subarray(0, 2), 0),
    continuation(1, GET_BLOCK.subarray(2, 5), 0),
    continuation(1, GET_BLOCK.subarray(5)),
    data(1, 'x', END_STREAM),
  ],
  [headers(1, GET_BLOCK.subarray(0, 2), END_STREAM), ping()],
  [ping(), settings([4, 70_000]), ping(1), windowUpdate(0, 1_000)],
  [settings([1, 0], [3, 5], [5, 16_384]), headers(1, GET_BLOCK)],
  [headers(1, POST_BLOCK, END_HEADERS), windowUpdate(1, 5), reset(1, 8)],
  [headers(1, POST_BLOCK, END_HEADERS), reset(1, 8), data(1, 'late'), headers(3, GET_BLOCK)],
  [headers(1, websocket, END_HEADERS), data(1, 'frames'), data(1, 'more', END_STREAM)],
  [headers(1, block(':method', 'CONNECT', ':authority', 'db:5432'), END_HEADERS), data(1, 'any')],
  [headers(1, POST_BLOCK, END_HEADERS), goAway(0, 0), data(1, 'on', END_STREAM)],
  [frame(FrameType.priority, 0, 1, '0000000010'), headers(1, GET_BLOCK)],
  [frame(0x10, 0, 0, '00000000753d31'), frame(0xfe, 0xff, 7, '00'), headers(1, GET_BLOCK)],
  [headers(1, block(':method', 'GET', ':path', '/'))],
  [headers(1, Buffer.concat([GET_BLOCK, block('Upper', 'x')])), headers(3, GET_BLOCK)],
  [
    headers(
      1,
      Buffer.concat([GET_BLOCK, block('cookie', 'a=b', 'cookie', 'c=d', 'te', 'trailers', 'expect', '100-continue')]),
    ),
  ],
  [headers(1, Buffer.concat([GET_BLOCK, block('x', 'y'.repeat(2_100))])), headers(3, GET_BLOCK)],
  [headers(3, GET_BLOCK), headers(1, GET_BLOCK)],
  [headers(2, GET_BLOCK)],
  [data(1, 'idle')],
  [windowUpdate(0, 0x7fffffff)],
  [headers(1, Buffer.from('ff80808080', 'hex'))],
  [headers(1, POST_BLOCK, END_HEADERS), data(1, 'x'.repeat(1_500)), data(1, 'x'.repeat(600))],
  [frame(FrameType.pushPromise, END_HEADERS, 1, uint32(2))],
]

/** The same as octets of a connection. */
export const REQUEST_WIRES: readonly Buffer[] = REQUEST_FRAMES.map((frames) =>
  Buffer.concat([CLIENT_PREFACE, settings(), ACK, ...frames]),
)

const OK = block(':status', '200')
const LENGTH_5 = Buffer.concat([OK, block('content-length', '5')])

/** What servers send behind their settings to requests 1 (POST), 3 (HEAD), 5 (CONNECT) and 7 (POST). */
export const RESPONSE_FRAMES: readonly (readonly Buffer[])[] = [
  [headers(1, OK)],
  [headers(1, OK, END_HEADERS), data(1, 'hello', END_STREAM)],
  [headers(7, LENGTH_5, END_HEADERS), data(7, 'he'), data(7, 'llo', END_STREAM)],
  [headers(7, LENGTH_5, END_HEADERS), data(7, 'hello!', END_STREAM)],
  [headers(7, LENGTH_5, END_HEADERS), data(7, 'hell', END_STREAM)],
  [headers(3, LENGTH_5)],
  [headers(3, OK, END_HEADERS), data(3, 'body', END_STREAM)],
  [headers(7, block(':status', '103', 'link', 'a'), END_HEADERS), headers(7, OK, END_HEADERS), headers(7, trailers)],
  [headers(1, OK, END_HEADERS), data(1, 'x'), headers(1, block('grpc-status', '0'))],
  [headers(1, block(':status', '200', 'grpc-status', '5'))],
  [headers(5, OK, END_HEADERS), data(5, 'tunnel'), data(5, 'open', END_STREAM)],
  [headers(5, block(':status', '503', 'content-length', '2'), END_HEADERS), data(5, 'no', END_STREAM)],
  [headers(1, OK), headers(3, OK), headers(5, OK), headers(7, OK)],
  [headers(7, OK.subarray(0, 0), END_STREAM), continuation(7, OK)],
  [reset(1, 7), reset(3, 0), reset(7, 8)],
  [goAway(3, 0), headers(1, OK), headers(3, OK)],
  [goAway(0x7fffffff, 0), goAway(0, 0)],
  [goAway(1, 2), headers(7, OK)],
  [ping(), settings([3, 1], [4, 10]), windowUpdate(1, 100), windowUpdate(0, 100)],
  [
    headers(7, Buffer.concat([OK, Buffer.from('40017801 79'.replace(' ', ''), 'hex')])),
    headers(1, Buffer.concat([OK, Buffer.from('be', 'hex')])),
  ],
  [headers(7, OK, END_HEADERS), frame(FrameType.data, PADDED | END_STREAM, 7, '02616200 00'.replace(' ', ''))],
  [headers(7, block(':status', '101'), END_HEADERS)],
  [headers(7, block(':status', '20'))],
  [headers(7, block('x', 'y'))],
  [headers(7, Buffer.concat([OK, block('connection', 'close')]))],
  [headers(7, Buffer.concat([OK, block('x', 'y'.repeat(2_100))]))],
  [data(7, 'no head')],
  [headers(9, OK)],
  [headers(7, OK), data(7, 'after the end')],
  [frame(FrameType.pushPromise, END_HEADERS, 1, uint32(2))],
  [frame(FrameType.settings, 0, 0, '0001')],
  [headers(7, OK, END_HEADERS), data(7, 'x'.repeat(1_500)), data(7, 'x'.repeat(600))],
]

/** The same as octets of a connection. */
export const RESPONSE_WIRES: readonly Buffer[] = RESPONSE_FRAMES.map((frames) =>
  Buffer.concat([settings(), ACK, ...frames]),
)
