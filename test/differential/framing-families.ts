import { chunked, mixedCase, outer, smuggled } from './octets.ts'
import type { Draw, Family } from './smuggling-inputs.ts'

/** Values of `Transfer-Encoding` that somebody reads as chunked and somebody else does not. */
const CODINGS = [
  ...['chunked', 'Chunked', 'CHUNKED', ' chunked', 'chunked ', '\tchunked', 'chunked\t', '  chunked  '],
  ...[
    '\x0bchunked',
    'chunked\x0b',
    '\x0cchunked',
    '\xa0chunked',
    'chunked\xa0',
    '\0chunked',
    'chunked\0',
    '\x08chunked',
  ],
  ...[
    'chunked, identity',
    'identity, chunked',
    'identity',
    'chunked, chunked',
    'chunked chunked',
    'chunked,',
    ',chunked',
  ],
  ...[
    'xchunked',
    'chunkedx',
    'chunk',
    'x-chunked',
    'cow',
    'chun ked',
    'chu\tnked',
    '"chunked"',
    "'chunked'",
    '[chunked]',
  ],
  ...[
    'chunked;q=1',
    'chunked; ext',
    'chunked;',
    ';chunked',
    'gzip',
    'gzip, chunked',
    'chunked, gzip',
    'deflate,chunked',
  ],
  ...[
    '',
    ' ',
    ',',
    ', ,chunked',
    'chunked=1',
    'chunked\\',
    'chun\xadked',
    'ch\xfcnked',
    '\xefchunked',
    'chunked#',
    'chunked:',
  ],
  ...[
    '\r\n chunked',
    '\r\n\tchunked',
    '\r\n\r\n chunked',
    'chunked\r\n ',
    'chunked\r\n , identity',
    'identity\r\n , chunked',
  ],
  ...[
    '\nchunked',
    '\rchunked',
    'chunked\r',
    'chunked\n',
    '\n chunked',
    'x\nchunked',
    'x\rchunked',
    'trailers, chunked',
  ],
]
/** How the name may be written, up to the value. */
const CODING_NAMES = [
  ...[
    'Transfer-Encoding: ',
    'Transfer-Encoding:',
    'transfer-encoding: ',
    'TRANSFER-ENCODING:\t',
    'Transfer-Encoding:  ',
  ],
  ...['Transfer-Encoding : ', 'Transfer-Encoding\t: ', ' Transfer-Encoding: ', '\tTransfer-Encoding: '],
  ...[
    'Transfer_Encoding: ',
    'Transfer-Encoding\0: ',
    'Transfer-Encoding\x0b: ',
    'Transfer-Encoding\xa0: ',
    '\x0bTransfer-Encoding: ',
  ],
  ...[
    'X: y\nTransfer-Encoding: ',
    'X: y\rTransfer-Encoding: ',
    'X: y\r\r\nTransfer-Encoding: ',
    'X: y\r\n\tTransfer-Encoding: ',
  ],
  ...[
    'Transfer-Encoding\r\n: ',
    'Transfer-Encoding:: ',
    'Transfer-Encoding=',
    'Transfer-Encoding;: ',
    '"Transfer-Encoding": ',
  ],
  ...[
    'X-Transfer-Encoding: ',
    'Transfer-Encodings: ',
    'Transfer Encoding: ',
    'TransferEncoding: ',
    ':Transfer-Encoding: ',
  ],
]
/** Values of `Content-Length` for `length`. */
const LENGTHS: readonly ((length: number) => string)[] = [
  ...[
    '',
    '+',
    '-',
    '0',
    '00000000000000000000',
    '0x',
    ' +',
    '\x0b',
    '\0',
    '\xa0',
    '"',
    ',',
    '\t',
    '\r\n ',
    '1,',
    '0,',
  ].map((before) => (length: number) => `${before}${length}`),
  ...[' ', '\t', '\x0b', '\0', '.0', 'e0', '_', ',', ', ', 'x', ';', '"', '\r', '\n', ' 0', '\xa0', 'L', '\r\n '].map(
    (after) => (length: number) => `${length}${after}`,
  ),
  (length) => `${length},${length}`,
  (length) => `${length}, ${length}`,
  (length) => `${length}, 0`,
  (length) => `${length}\r\n , ${length}`,
  (length) => `0x${length.toString(16)}`,
  (length) => `0${length.toString(8)}`,
  (length) => length.toString(16),
  (length) => `${2n ** 64n + BigInt(length)}`,
  (length) => `${2n ** 32n + BigInt(length)}`,
  (length) => `${2n ** 53n + BigInt(length)}`,
  (length) => String(length).split('').join('_'),
  (length) => String(length).replace(/(.)$/, ' $1'),
  (length) => String(length).replaceAll(/\d/g, (digit) => String.fromCharCode(0xb0 + Number(digit))),
  () => '',
  () => ' ',
  () => '-1',
  () => 'NaN',
  () => '9223372036854775807',
  () => '18446744073709551615',
  () => '1e2',
]
const LENGTH_NAMES = [
  ...['Content-Length: ', 'Content-Length:', 'content-length: ', 'CONTENT-LENGTH: ', 'Content-Length:\t'],
  ...[
    'Content-Length : ',
    'Content-Length\t: ',
    ' Content-Length: ',
    '\tContent-Length: ',
    'Content_Length: ',
    'Content-Length\0: ',
  ],
  ...[
    'X: y\nContent-Length: ',
    'X: y\rContent-Length: ',
    'Content-Length\r\n: ',
    'Content-Length:: ',
    'Content Length: ',
  ],
  ...[
    'X: y\r\n Content-Length: ',
    'Content-Length\xa0: ',
    '\xefContent-Length: ',
    'HTTP_CONTENT_LENGTH: ',
    'X-Content-Length: ',
  ],
]

/** Bodies in which the two framings end at different octets. */
const bodyOf = (draw: Draw): { readonly body: string; readonly length: number } => {
  const hidden = smuggled(draw)
  const within = chunked(hidden)
  return draw.one([
    { body: `0\r\n\r\n${hidden}`, length: 5 + hidden.length }, // length swallows what chunks end before
    { body: `0\r\n\r\n${hidden}`, length: 5 },
    { body: within, length: within.indexOf('\r\n') + 2 }, // chunks swallow what the length ends before
    { body: within, length: within.length },
    { body: `${chunked('x=1')}${hidden}`, length: 0 },
    { body: `${chunked('x=1')}${hidden}`, length: 8 },
    { body: `x=1&y=${hidden}`, length: 6 },
  ])
}

const codingLine = (draw: Draw): string => {
  const name = draw.random() < 0.5 ? 'Transfer-Encoding: ' : draw.one(CODING_NAMES)
  return `${draw.random() < 0.1 ? mixedCase(draw, name) : name}${draw.one(CODINGS)}\r\n`
}
const lengthLine = (draw: Draw, length: number): string =>
  `${draw.random() < 0.5 ? 'Content-Length: ' : draw.one(LENGTH_NAMES)}${draw.one(LENGTHS)(length)}\r\n`

/** Head lines in an order that chance gives. */
const inAnyOrder = (draw: Draw, lines: readonly string[]): string =>
  lines
    .map((line) => ({ line, place: draw.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ line }) => line)
    .join('')

const request = (draw: Draw, lines: readonly string[], body: string): string =>
  `${outer(draw)}${inAnyOrder(draw, lines)}\r\n${body}${draw.random() < 0.3 ? smuggled(draw) : ''}`

/** What says where a request ends: one coding, one length, both, several of each. */
export const FRAMING_FAMILIES: readonly Family[] = [
  {
    name: 'transfer coding alone',
    count: 300,
    make: (draw) => request(draw, [codingLine(draw)], bodyOf(draw).body),
  },
  {
    name: 'transfer coding and length',
    count: 500,
    make(draw) {
      const { body, length } = bodyOf(draw)
      return request(draw, [codingLine(draw), `Content-Length: ${length}\r\n`], body)
    },
  },
  {
    name: 'two transfer codings',
    count: 200,
    make(draw) {
      const { body, length } = bodyOf(draw)
      const lengths = draw.random() < 0.3 ? [`Content-Length: ${length}\r\n`] : []
      return request(draw, [codingLine(draw), codingLine(draw), ...lengths], body)
    },
  },
  {
    name: 'one length',
    count: 300,
    make(draw) {
      const { body, length } = bodyOf(draw)
      return request(draw, [lengthLine(draw, length)], body)
    },
  },
  {
    name: 'several lengths',
    count: 200,
    make(draw) {
      const { body, length } = bodyOf(draw)
      const others = [length, 0, body.length].map((other) => lengthLine(draw, other))
      return request(draw, others.slice(0, 1 + Math.ceil(draw.random() * 2)), body)
    },
  },
  {
    name: 'framing in HTTP/1.0',
    count: 60,
    make(draw) {
      const { body, length } = bodyOf(draw)
      const lines = draw.one([[codingLine(draw)], [lengthLine(draw, length)], ['Transfer-Encoding: chunked\r\n']])
      return request(draw, [...lines, 'Connection: keep-alive\r\n'], body).replace('HTTP/1.1', 'HTTP/1.0')
    },
  },
]
