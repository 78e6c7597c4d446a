import { frame, uint32 } from '../../support/http2-frames.ts'
import { connectionError, type Step, streamError } from './expectations.ts'
import { data, END_HEADERS, END_STREAM, type FieldList, GET, headers, literals, POST, tableSize } from './octets.ts'
import { type Case, section } from './server-case.ts'

const malformed = streamError(1, 'protocolError')
const undecodable = connectionError('compressionError')
const post = headers(1, literals(...POST), END_HEADERS)
/** A GET with these fields behind its own. */
const getWith = (...fields: FieldList): Buffer => headers(1, literals(...GET, ...fields))
/** A GET without one of its pseudo-fields. */
const getWithout = (name: string): Buffer => {
  const at = GET.indexOf(name)
  return headers(1, literals(...GET.slice(0, at), ...GET.slice(at + 2)))
}
/** A POST that promises one octet of body. */
const promised = headers(1, literals(...POST, 'content-length', '1'), END_HEADERS)

/** Messages: `http2/8.1` to `http2/8.2` of h2spec, 18 cases. */
export const SERVER_MESSAGES: readonly Case[] = [
  ...section('http2/8.1', [
    [
      'RFC 9113 §8.1',
      'a second HEADERS frame that does not end the stream',
      post,
      data(1, 'test'),
      headers(1, literals('x-test', 'ok'), END_HEADERS),
      malformed,
    ],
  ]),
  ...section('http2/8.1.2', [['RFC 9113 §8.2', 'a name in upper case', getWith('X-TEST', 'ok'), malformed]]),
  ...section('http2/8.1.2.1', [
    ['RFC 9113 §8.3', 'an unknown pseudo-field', getWith(':test', 'ok'), malformed],
    ['RFC 9113 §8.3', 'a pseudo-field of responses', getWith(':status', '200'), malformed],
    [
      'RFC 9113 §8.3',
      'a pseudo-field in trailers',
      post,
      data(1, 'test'),
      headers(1, literals(':method', 'POST')),
      malformed,
    ],
    ['RFC 9113 §8.3', 'a pseudo-field behind another field', headers(1, literals('x-test', 'ok', ...GET)), malformed],
  ]),
  ...section('http2/8.1.2.2', [
    ['RFC 9113 §8.2.2', 'connection', getWith('connection', 'keep-alive'), malformed],
    ['RFC 9113 §8.2.2', 'te other than trailers', getWith('trailers', 'test', 'te', 'trailers, deflate'), malformed],
  ]),
  ...section('http2/8.1.2.3', [
    [
      'RFC 9113 §8.3.1',
      'an empty :path',
      headers(1, literals(':method', 'GET', ':scheme', 'http', ':path', '', ':authority', 'orders')),
      malformed,
    ],
    ['RFC 9113 §8.3.1', 'no :method', getWithout(':method'), malformed],
    ['RFC 9113 §8.3.1', 'no :scheme', getWithout(':scheme'), malformed],
    ['RFC 9113 §8.3.1', 'no :path', getWithout(':path'), malformed],
    ['RFC 9113 §8.3', ':method twice', getWith(':method', 'GET'), malformed],
    ['RFC 9113 §8.3', ':scheme twice', getWith(':scheme', 'http'), malformed],
    ['RFC 9113 §8.3', ':path twice', getWith(':path', '/'), malformed],
  ]),
  ...section('http2/8.1.2.6', [
    ['RFC 9113 §8.1.1', 'a body longer than content-length', promised, data(1, 'test', END_STREAM), malformed],
    [
      'RFC 9113 §8.1.1',
      'a body of two frames, longer than content-length',
      promised,
      data(1, 'test'),
      data(1, 'test', END_STREAM),
      malformed,
    ],
  ]),
  ...section('http2/8.2', [
    [
      'RFC 9113 §8.4',
      'PUSH_PROMISE',
      frame(5, END_HEADERS, 1, Buffer.concat([uint32(3), literals(...GET)])),
      connectionError('protocolError'),
    ],
  ]),
]

const getThen = (...octets: number[]): Step => headers(1, Buffer.concat([literals(...GET), Buffer.from(octets)]))
/** A literal without indexing, `x-test` in the Huffman code, before its value. */
const X_TEST = [0x00, 0x85, 0xf2, 0xb2, 0x4a, 0x84, 0xff] as const

/** RFC 7541: `hpack` of h2spec, 8 cases. */
export const SERVER_HPACK: readonly Case[] = [
  ...section('hpack/2.3.3', [
    ['RFC 7541 §2.3.3', 'an indexed field past both tables', getThen(0xc6), undecodable],
    ['RFC 7541 §2.3.3', 'a literal whose name is past both tables', getThen(0x7f, 0x07, 0x00), undecodable],
  ]),
  ...section('hpack/4.2', [['RFC 7541 §4.2', 'a table size update at the end of a block', getThen(0x21), undecodable]]),
  ...section('hpack/5.2', [
    [
      'RFC 7541 §5.2',
      'Huffman padding longer than 7 bits',
      getThen(...X_TEST, 0x84, 0x49, 0x50, 0x9f, 0xff),
      undecodable,
    ],
    ['RFC 7541 §5.2', 'Huffman padding of zeros', getThen(...X_TEST, 0x83, 0x49, 0x50, 0x90), undecodable],
    [
      'RFC 7541 §5.2',
      'EOS in a Huffman string',
      getThen(...X_TEST, 0x87, 0x49, 0x51, 0xff, 0xff, 0xff, 0xfa, 0x7f),
      undecodable,
    ],
  ]),
  ...section('hpack/6.1', [['RFC 7541 §6.1', 'index 0', getThen(0x80), undecodable]]),
  ...section('hpack/6.3', [
    [
      'RFC 7541 §6.3',
      'a table size update over SETTINGS_HEADER_TABLE_SIZE',
      (peer) => headers(1, Buffer.concat([tableSize((peer.announced.get(1) ?? 4_096) + 1), literals(...GET)])),
      undecodable,
    ],
  ]),
]
