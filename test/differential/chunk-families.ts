import { mixedCase, outer, smuggled } from './octets.ts'
import type { Draw, Family } from './smuggling-inputs.ts'

/** How a chunk size may be written. */
const SIZES: readonly ((size: number, draw: Draw) => string)[] = [
  (size) => size.toString(16),
  (size) => size.toString(16).toUpperCase(),
  (size, draw) => mixedCase(draw, size.toString(16)),
  ...[1, 2, 8, 13, 14, 15, 30].map((zeros) => (size: number) => '0'.repeat(zeros) + size.toString(16)),
  ...['0x', '0X', '+', '-', ' ', '\t', '\x0b', '\0', '"', '_', '\xa0', ';', ',', '\\x', '#', '\r\n', '\n', '$'].map(
    (before) => (size: number) => before + size.toString(16),
  ),
  ...[' ', '  ', '\t', '\x0b', '\0', '"', '_', '\xa0', 'h', '.', ',', 'g', 'L', '\r', '\n', '=1', ' 0'].map(
    (after) => (size: number) => size.toString(16) + after,
  ),
  (size) => (2n ** 64n + BigInt(size)).toString(16),
  (size) => (2n ** 32n + BigInt(size)).toString(16),
  (size) => (2n ** 63n + BigInt(size)).toString(16),
  (size) => (2n ** 53n + BigInt(size)).toString(16),
  (size) => `f${'0'.repeat(16)}${size.toString(16)}`,
  (size) => String(size),
  (size) => size.toString(8),
  () => '',
  () => 'f'.repeat(16),
  () => '-1',
  () => '7fffffffffffffff',
]
/** What may stand between a size and its line end. */
const EXTENSIONS = [
  ...[
    ';',
    ';;',
    '; ',
    ' ;',
    '\t;',
    ';a',
    ';a=',
    ';a=b',
    '; a = b',
    ';a="b"',
    ';a="b c"',
    ';a="\\""',
    ';a="b;c"',
    ';a=b;c=d',
    ';=b',
  ],
  ...[
    ';a="',
    ';a="\\',
    ';a="b\\"',
    ";a='b'",
    ';"a"=b',
    ';a="b"c',
    ';a=\xe4',
    ';a\0',
    ';a\x0b',
    ';a=b\x7f',
    ';a\r',
    ';\r',
    ';\rx',
    ';a="\r"',
  ],
  ...[
    ';a\n',
    ';\n',
    ';a="\n"',
    ';a\nb',
    ';\n0\r\n\r\n',
    ';a="\r\n"',
    ';a="\r\n',
    ';a\r\n b',
    ' a',
    'a',
    ' ',
    '=a',
    ',a',
    ';a,b',
    ':a',
    '#a',
  ],
  ...[`;${'a'.repeat(100)}`, `;${'a'.repeat(4_200)}`, ';a="0\r\n\r\n"', ';0', ';\t', ';a=\t"b"', ';a;', ';a=b=c'],
]
const LINE_ENDS = [
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\n',
  '\r',
  '\r\r\n',
  '\n\r',
  '',
  ' \r\n',
  '\r\n\r\n',
  '\r\0\n',
  '\x0b\n',
  '\x85',
]
const LAST_CHUNKS = [
  ...[
    '0\r\n\r\n',
    '0\r\n\r\n',
    '0\r\n\r\n',
    '00\r\n\r\n',
    '0000000000000000\r\n\r\n',
    '00000000000000000\r\n\r\n',
    '0;a\r\n\r\n',
    '0 \r\n\r\n',
  ],
  ...[
    '0\n\n',
    '0\r\n\n',
    '0\n\r\n',
    '0\r\r',
    '0\r\n',
    '0',
    '-0\r\n\r\n',
    '0x0\r\n\r\n',
    '+0\r\n\r\n',
    '\r\n\r\n',
    '0\r\n\r\r\n',
    '0\r\n \r\n',
  ],
]
/** Trailers; what frames, routes or authenticates must not be believed. */
const TRAILERS = [
  ...[
    'X: y\r\n',
    'Content-Length: 70\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Host: evil\r\n',
    'Connection: close\r\n',
    'Expect: 100-continue\r\n',
  ],
  ...[
    'X: y\n',
    'X: y\r',
    'X : y\r\n',
    ' X: y\r\n',
    'X: y\r\n z\r\n',
    'X\r\n',
    ': y\r\n',
    'X: \0\r\n',
    'X: a\rb\r\n',
    'X_Y: z\r\n',
    'X: \xe4\r\n',
  ],
  ...[
    'Content-Length: 70\r\nX: y\r\n',
    'X: y\r\nX: y\r\n',
    'GET /x HTTP/1.1\r\n',
    'X: y\n\r\n',
    `X: ${'y'.repeat(70_000)}\r\n`,
  ],
]

/** A chunked request: a text, then perhaps what is hidden in the next chunk, the last chunk, the request behind it. */
function chunkedRequest(draw: Draw, write: (text: string) => string, last: string): string {
  const hidden = smuggled(draw)
  const texts = draw.one([['x=1'], ['x=1', 'y=2'], [hidden], ['x', hidden], [`x\r\n0\r\n\r\n${hidden}`], ['0\r\n\r\n']])
  const head = `${outer(draw)}Transfer-Encoding: chunked\r\n\r\n`
  return `${head}${texts.map(write).join('')}${last}${hidden}`
}

/** A chunk as it should be. */
const plain = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`

/** Everything that a chunked body is made of. */
export const CHUNK_FAMILIES: readonly Family[] = [
  {
    name: 'chunk sizes',
    count: 300,
    make: (draw) => chunkedRequest(draw, (text) => `${draw.one(SIZES)(text.length, draw)}\r\n${text}\r\n`, '0\r\n\r\n'),
  },
  {
    name: 'chunk sizes that lie',
    count: 80,
    make: (draw) =>
      chunkedRequest(
        draw,
        (text) => `${Math.max(0, text.length + draw.one([-3, -2, -1, 1, 2, 3, 7])).toString(16)}\r\n${text}\r\n`,
        draw.one(LAST_CHUNKS),
      ),
  },
  {
    name: 'chunk extensions',
    count: 250,
    make: (draw) =>
      chunkedRequest(draw, (text) => `${text.length.toString(16)}${draw.one(EXTENSIONS)}\r\n${text}\r\n`, '0\r\n\r\n'),
  },
  {
    name: 'line ends of chunks',
    count: 250,
    make: (draw) =>
      chunkedRequest(
        draw,
        (text) => `${text.length.toString(16)}${draw.one(LINE_ENDS)}${text}${draw.one(LINE_ENDS)}`,
        draw.one(LAST_CHUNKS),
      ),
  },
  {
    name: 'last chunks and trailers',
    count: 150,
    make: (draw) =>
      chunkedRequest(draw, plain, draw.random() < 0.4 ? draw.one(LAST_CHUNKS) : `0\r\n${draw.one(TRAILERS)}\r\n`),
  },
]
