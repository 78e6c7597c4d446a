import { CLIENT_PREFACE } from '../../../sidecar/http2/frame/frame-type.ts'
import { goAway, reset, settings, windowUpdate } from '../../support/http2-frames.ts'
import {
  dataOn,
  type Expectation,
  endOn,
  pong,
  pongOf,
  responseOn,
  settingsAcknowledged,
  settingsFirst,
} from './expectations.ts'
import {
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
  tableSize,
  WHOLE,
} from './octets.ts'
import { type Case, section } from './server-case.ts'

const block = literals(...GET)
const post = headers(1, literals(...POST), END_HEADERS)
const noWindow = settings([4, 0])
const answered = responseOn(1)

/** A GET whose block goes on with these octets of RFC 7541. */
const withOctets = (hex: string): [Buffer, Expectation] => [
  headers(1, Buffer.concat([block, Buffer.from(hex.replaceAll(' ', ''), 'hex')])),
  answered,
]
/** `user-agent` and `x-test`, then the value `h2spec`: as they are, and in the Huffman code. */
const USER_AGENT = '0a 757365722d6167656e74'
const USER_AGENT_HUFFMAN = '87 b505b161cc5a93'
const X_TEST = '06 782d74657374'
const X_TEST_HUFFMAN = '85 f2b24a84ff'
const VALUE = '06 683273706563'
const VALUE_HUFFMAN = '84 9c48aca4'

/** What any server of HTTP/2 takes: `generic` of h2spec, 44 cases. */
export const SERVER_GENERIC: readonly Case[] = [
  {
    section: 'generic/1',
    rfc: 'RFC 9113 §3.4',
    sent: "the client's preface",
    steps: [CLIENT_PREFACE, settings([4, 65_535]), settingsFirst],
    isBare: true,
  },
  ...section('generic/2', [
    ['RFC 9113 §5.1', 'PRIORITY on an idle stream', priority(1, 0), ping('idle'), pongOf('idle')],
    [
      'RFC 9113 §5.1',
      'WINDOW_UPDATE on a half-closed (remote) stream',
      noWindow,
      get(1),
      windowUpdate(1, 1),
      dataOn(1, 1),
    ],
    [
      'RFC 9113 §5.1',
      'PRIORITY on a half-closed (remote) stream',
      noWindow,
      get(1),
      priority(1, 0),
      windowUpdate(1, 1),
      dataOn(1, 1),
    ],
    ['RFC 9113 §5.1', 'RST_STREAM on a half-closed (remote) stream', get(1), reset(1, 8), pong],
    ['RFC 9113 §5.1', 'PRIORITY on a closed stream', get(1), endOn(1), priority(1, 0), pong],
  ]),
  ...section('generic/3.1', [
    ['RFC 9113 §6.1', 'a DATA frame', post, data(1, 'test', END_STREAM), answered],
    ['RFC 9113 §6.1', 'two DATA frames', post, data(1, 'test'), data(1, 'test', END_STREAM), answered],
    ['RFC 9113 §6.1', 'a padded DATA frame', post, data(1, '\x05test\0\0\0\0\0', END_STREAM | PADDED), answered],
  ]),
  ...section('generic/3.2', [
    ['RFC 9113 §6.2', 'a HEADERS frame', get(1), answered],
    [
      'RFC 9113 §6.2',
      'a padded HEADERS frame',
      headers(1, Buffer.concat([Buffer.from([8]), block, Buffer.alloc(8)]), WHOLE | PADDED),
      answered,
    ],
    [
      'RFC 9113 §6.2',
      'a HEADERS frame with a priority',
      headers(1, Buffer.concat([priorityFields(0, 255, false), block]), WHOLE | PRIORITY),
      answered,
    ],
  ]),
  ...section('generic/3.3', [
    ['RFC 9113 §6.3', 'PRIORITY of weight 1', priority(1, 0, 0), get(1), answered],
    ['RFC 9113 §6.3', 'PRIORITY of weight 256', priority(1, 0, 255), get(1), answered],
    ['RFC 9113 §6.3', 'PRIORITY that depends on another stream', priority(3, 1, 0), get(1), answered],
    ['RFC 9113 §6.3', 'exclusive PRIORITY', priority(1, 0, 0, true), get(1), answered],
    ['RFC 9113 §6.3', 'PRIORITY of an idle stream, then HEADERS of a lower one', priority(3, 0), get(1), answered],
  ]),
  ...section('generic/3.4', [['RFC 9113 §6.4', 'RST_STREAM', headers(1, block, END_HEADERS), reset(1, 8), pong]]),
  ...section('generic/3.5', [
    [
      'RFC 9113 §6.5',
      'SETTINGS with every parameter',
      settings([1, 4_096], [2, 1], [3, 100], [4, 65_535], [5, 16_384], [6, 100]),
      settingsAcknowledged,
    ],
  ]),
  ...section('generic/3.7', [['RFC 9113 §6.7', 'PING', ping('h2spec'), pongOf('h2spec')]]),
  ...section('generic/3.8', [['RFC 9113 §6.8', 'GOAWAY', goAway(0, 0), pong]]),
  ...section('generic/3.9', [
    ['RFC 9113 §6.9', 'WINDOW_UPDATE on the connection', windowUpdate(0, 1), pong],
    ['RFC 9113 §6.9', 'WINDOW_UPDATE on a stream', get(1), windowUpdate(1, 1), answered],
  ]),
  ...section('generic/3.10', [
    [
      'RFC 9113 §6.10',
      'a CONTINUATION frame',
      headers(1, block.subarray(0, 5), END_STREAM),
      continuation(1, block.subarray(5), END_HEADERS),
      answered,
    ],
    [
      'RFC 9113 §6.10',
      'two CONTINUATION frames',
      headers(1, block.subarray(0, 5), END_STREAM),
      continuation(1, block.subarray(5, 10)),
      continuation(1, block.subarray(10), END_HEADERS),
      answered,
    ],
  ]),
  ...section('generic/4', [
    ['RFC 9110 §9.3.1', 'GET', get(1), answered],
    ['RFC 9110 §9.3.2', 'HEAD', headers(1, literals(':method', 'HEAD', ...GET.slice(2))), answered],
    ['RFC 9110 §9.3.3', 'POST', post, data(1, 'test', END_STREAM), answered],
    [
      'RFC 9113 §8.1',
      'POST with trailers',
      headers(1, literals(...POST, 'trailer', 'x-test'), END_HEADERS),
      data(1, 'test'),
      headers(1, literals('x-test', 'ok')),
      answered,
    ],
  ]),
  ...section('generic/5', [
    ['RFC 7541 §6.1', 'an indexed field', ...withOctets('ba')],
    [
      'RFC 7541 §6.2.1',
      'a literal with incremental indexing, name and value plain',
      ...withOctets(`40 ${USER_AGENT} ${VALUE}`),
    ],
    [
      'RFC 7541 §6.2.1',
      'a literal with incremental indexing, both in the Huffman code',
      ...withOctets(`40 ${USER_AGENT_HUFFMAN} ${VALUE_HUFFMAN}`),
    ],
    ['RFC 7541 §6.2.1', 'a literal with incremental indexing and a new name', ...withOctets(`40 ${X_TEST} ${VALUE}`)],
    [
      'RFC 7541 §6.2.1',
      'a literal with incremental indexing and a new name in the Huffman code',
      ...withOctets(`40 ${X_TEST_HUFFMAN} ${VALUE_HUFFMAN}`),
    ],
    ['RFC 7541 §6.2.2', 'a literal without indexing, name and value plain', ...withOctets(`00 ${USER_AGENT} ${VALUE}`)],
    [
      'RFC 7541 §6.2.2',
      'a literal without indexing, both in the Huffman code',
      ...withOctets(`00 ${USER_AGENT_HUFFMAN} ${VALUE_HUFFMAN}`),
    ],
    ['RFC 7541 §6.2.2', 'a literal without indexing and a new name', ...withOctets(`00 ${X_TEST} ${VALUE}`)],
    [
      'RFC 7541 §6.2.2',
      'a literal without indexing and a new name in the Huffman code',
      ...withOctets(`00 ${X_TEST_HUFFMAN} ${VALUE_HUFFMAN}`),
    ],
    ['RFC 7541 §6.2.3', 'a literal never indexed, name and value plain', ...withOctets(`10 ${USER_AGENT} ${VALUE}`)],
    [
      'RFC 7541 §6.2.3',
      'a literal never indexed, both in the Huffman code',
      ...withOctets(`10 ${USER_AGENT_HUFFMAN} ${VALUE_HUFFMAN}`),
    ],
    ['RFC 7541 §6.2.3', 'a literal never indexed with a new name', ...withOctets(`10 ${X_TEST} ${VALUE}`)],
    [
      'RFC 7541 §6.2.3',
      'a literal never indexed with a new name in the Huffman code',
      ...withOctets(`10 ${X_TEST_HUFFMAN} ${VALUE_HUFFMAN}`),
    ],
    ['RFC 7541 §6.3', 'a table size update', headers(1, Buffer.concat([tableSize(128), block])), answered],
    [
      'RFC 7541 §6.3',
      'two table size updates',
      headers(1, Buffer.concat([tableSize(128), tableSize(4_096), block])),
      answered,
    ],
  ]),
]
