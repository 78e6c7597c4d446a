/** What becomes of a response: the mesh's 502, a response that visibly breaks off, or a complete one. */
export type Fate = 'refused' | 'broken' | 'complete'

/** Row of the table; what the application sends; the octets; what the caller sees. */
export interface ResponseRow {
  readonly row: number
  readonly sent: string
  readonly octets: string
  readonly fate: Fate
  /** How the caller asks; GET when absent. */
  readonly method?: string
  /** The application closes behind its octets. */
  readonly closes?: boolean
  readonly shows?: RegExp
  readonly hides?: RegExp
  /** The connection to the application may carry another request. */
  readonly isReused?: boolean
}

const OK = 'HTTP/1.1 200 OK\r\n'
const EMPTY = 'Content-Length: 0\r\n\r\n'
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`
const EXTRA = 'HTTP/1.1 200 OK\r\nX-Smuggled: 1\r\nContent-Length: 0\r\n\r\n'

const refused = (row: number, sent: string, octets: string): ResponseRow => ({ row, sent, octets, fate: 'refused' })
const broken = (row: number, sent: string, octets: string): ResponseRow => ({ row, sent, octets, fate: 'broken' })
/** Cut off by the application's own end. */
const cut = (sent: string, octets: string, fate: Fate): ResponseRow => ({ row: 22, sent, octets, fate, closes: true })
const each = (row: number, what: string, values: readonly string[], octets: (value: string) => string): ResponseRow[] =>
  values.map((value) => refused(row, `${what} ${visible(value)}`, octets(value)))
const visible = (value: string): string =>
  `"${value.replaceAll(/[^!-~]/g, (octet) => `<${octet.charCodeAt(0).toString(16).padStart(2, '0')}>`)}"`

/** What applications may answer, and may not. A connection is used again only behind what says `isReused`. */
export const RESPONSES: readonly ResponseRow[] = [
  refused(1, 'both framings', `${OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
  refused(1, 'both framings, turned', `${OK}Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n`),
  ...each(
    4,
    'the coding',
    [
      'gzip',
      'foo',
      'gzip, chunked',
      'chunked, gzip',
      'chunked, chunked',
      'chunked;q=1',
      'identity',
      '',
      ',chunked',
      '"chunked"',
      '\xa0chunked',
    ],
    (coding) => `${OK}Transfer-Encoding: ${coding}\r\n\r\n0\r\n\r\n`,
  ),
  refused(5, 'a coding in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
  refused(6, 'two lengths', `${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\nokk`),
  refused(6, 'two equal lengths', `${OK}Content-Length: 2\r\nContent-Length: 2\r\n\r\nok`),
  ...each(
    7,
    'the length',
    ['+2', '-0', '0x2', '2 2', '2_0', '', '02', '2, 2', '9007199254740992'],
    (length) => `${OK}Content-Length: ${length}\r\n\r\nok`,
  ),
  ...each(8, 'before the colon', [' ', '\t', '\x01'], (octet) => `${OK}X-Name${octet}: 1\r\n${EMPTY}`),
  refused(9, 'white space before the first field', `HTTP/1.1 200 OK\r\n X-Name: 1\r\n${EMPTY}`),
  ...each(9, 'a field that is folded by', [' ', '\t'], (octet) => `${OK}X-Name: 1\r\n${octet}2\r\n${EMPTY}`),
  refused(10, 'CR alone in a value', `${OK}X-Name: a\rb\r\n${EMPTY}`),
  refused(10, 'CR alone as an end', `${OK}X-Name: a\rContent-Length: 0\r\n\r\n`),
  refused(11, 'LF alone behind the status line', `HTTP/1.1 200 OK\n${EMPTY}`),
  refused(11, 'LF alone behind a field', `${OK}X-Name: 1\n${EMPTY}`),
  refused(11, 'LF alone at the end of a head', `${OK}Content-Length: 0\r\n\n`),
  broken(11, 'LF alone behind a chunk size', `${CHUNKED}2\nok\r\n0\r\n\r\n`),
  broken(11, 'LF alone behind a chunk', `${CHUNKED}2\r\nok\n0\r\n\r\n`),
  broken(11, 'LF alone at the end of trailers', `${CHUNKED}2\r\nok\r\n0\r\n\n`),
  ...each(12, 'in a value', ['\0', '\x01', '\x7f'], (octet) => `${OK}X-Name: a${octet}b\r\n${EMPTY}`),
  ...each(12, 'in a name', ['\0', ' ', '(', '\xe4'], (octet) => `${OK}X${octet}Y: 1\r\n${EMPTY}`),
  refused(12, 'an empty name', `${OK}: 1\r\n${EMPTY}`),
  refused(12, 'no colon', `${OK}X-Name\r\n${EMPTY}`),
  ...each(
    15,
    'the status line',
    [
      'HTTP/2.0 200 OK',
      'HTTP/0.9 200 OK',
      'http/1.1 200 OK',
      'HTTP/1.1 20 OK',
      'HTTP/1.1 2x0 OK',
      'HTTP/1.1 600 OK',
      'HTTP/1.1  200 OK',
      'HTTP/1.1 200\tOK',
      'SSH-2.0-OpenSSH_9',
      '200 OK',
    ],
    (line) => `${line}\r\n${EMPTY}`,
  ),
  refused(16, 'a field too long', `${OK}X: ${'a'.repeat(70_000)}\r\n${EMPTY}`),
  refused(16, 'too many fields', `${OK}${'X: 1\r\n'.repeat(200)}${EMPTY}`),
  ...['0x2', ' 2', '2 ', '-2', '+2', '', '00000000000000002', 'fffffffffffffff', 'g'].map((size) =>
    broken(17, `the chunk size ${visible(size)}`, `${CHUNKED}${size}\r\nok\r\n0\r\n\r\n`),
  ),
  broken(17, 'no line end behind a chunk', `${CHUNKED}2\r\nok0\r\n\r\n`),
  broken(17, 'more than the chunk size', `${CHUNKED}1\r\nok\r\n0\r\n\r\n`),
  {
    row: 18,
    sent: 'chunk extensions',
    octets: `${CHUNKED}2;secret="a;b"\r\nok\r\n0;secret\r\n\r\n`,
    fate: 'complete',
    shows: /ok/,
    hides: /secret/,
    isReused: true,
  },
  broken(18, 'CR in an extension', `${CHUNKED}2;a\rb\r\nok\r\n0\r\n\r\n`),
  broken(18, 'more than 4 KiB of extensions', `${CHUNKED}${'1;aaaaaaaaa\r\nx\r\n'.repeat(500)}0\r\n\r\n`),
  {
    row: 19,
    sent: 'trailers that frame or authenticate, and one that does not',
    octets: `${CHUNKED}2\r\nok\r\n0\r\nContent-Length: 99\r\nTransfer-Encoding: evil\r\nSet-Cookie: evil\r\nX-Outrigger-Error: evil\r\nX-Sum: kept\r\n\r\n`,
    fate: 'complete',
    shows: /0\r\nx-sum: kept\r\n\r\n$/,
    hides: /evil|99/,
    isReused: true,
  },
  {
    row: 20,
    sent: 'a response to HEAD with a length',
    octets: `${OK}Content-Length: 9\r\n\r\n`,
    method: 'HEAD',
    fate: 'complete',
    shows: /content-length: 9\r\n/,
    isReused: true,
  },
  {
    row: 20,
    sent: '204 with a length',
    octets: 'HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n',
    fate: 'complete',
    hides: /content-length/,
    isReused: true,
  },
  {
    row: 20,
    sent: '304 with a length',
    octets: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n',
    fate: 'complete',
    shows: /^HTTP\/1\.1 304 /,
    isReused: true,
  },
  {
    row: 20,
    sent: 'a body behind a response to HEAD',
    octets: `${OK}Content-Length: 2\r\n\r\nok`,
    method: 'HEAD',
    fate: 'complete',
    hides: /\r\n\r\nok/,
  },
  {
    row: 20,
    sent: 'a body behind 204',
    octets: `HTTP/1.1 204 No Content\r\n\r\n${EXTRA}`,
    fate: 'complete',
    hides: /smuggled/i,
  },
  cut('a length that is not reached', `${OK}Content-Length: 9\r\n\r\nok`, 'broken'),
  cut('chunks without the last one', `${CHUNKED}2\r\nok\r\n`, 'broken'),
  cut('a chunk that is cut off', `${CHUNKED}9\r\nok`, 'broken'),
  cut('trailers that are cut off', `${CHUNKED}2\r\nok\r\n0\r\nX-Sum: 1\r\n`, 'broken'),
  // A GET would be sent once more: it is idempotent.
  { ...cut('a head that is cut off', `${OK}Content-Len`, 'refused'), method: 'POST' },
  { ...cut('nothing', '', 'refused'), method: 'POST' },
  cut('a body until the end', `${OK}Server: x\r\n\r\nok`, 'complete'),
  {
    row: 23,
    sent: 'a second response',
    octets: `${OK}Content-Length: 2\r\n\r\nok${EXTRA}`,
    fate: 'complete',
    shows: /ok$/,
    hides: /smuggled/i,
  },
  { row: 23, sent: 'an octet too many', octets: `${OK}Content-Length: 2\r\n\r\nokk`, fate: 'complete', shows: /ok$/ },
  {
    row: 23,
    sent: 'octets behind the last chunk',
    octets: `${CHUNKED}2\r\nok\r\n0\r\n\r\n${EXTRA}`,
    fate: 'complete',
    hides: /smuggled/i,
  },
  {
    row: 23,
    sent: 'eight interim responses',
    octets: `${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(8)}${OK}${EMPTY}`,
    fate: 'complete',
    isReused: true,
  },
  refused(23, 'nine interim responses', `${'HTTP/1.1 100 Continue\r\n\r\n'.repeat(9)}${OK}${EMPTY}`),
  {
    row: 24,
    sent: 'Connection that nominates a field, and fields that end at each hop',
    octets: `${OK}Connection: keep-alive, x-hop\r\nX-Hop: stripped\r\nKeep-Alive: timeout=71\r\nProxy-Connection: stripped\r\nX-Other: kept\r\n${EMPTY}`,
    fate: 'complete',
    shows: /x-other: kept\r\n/i,
    hides: /stripped|=71/,
    isReused: true,
  },
  {
    row: 24,
    sent: 'Connection: close',
    octets: `${OK}Connection: close\r\nContent-Length: 2\r\n\r\nok`,
    fate: 'complete',
    shows: /ok$/,
  },
  refused(
    25,
    '101 that nobody asked for',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
  ),
  {
    row: 28,
    sent: "the mesh's own fields",
    octets: `${OK}X-Outrigger-Error: forged\r\nX-Mesh-Attempt: forged\r\nX-Other: kept\r\n${EMPTY}`,
    fate: 'complete',
    shows: /x-other: kept\r\n/i,
    hides: /forged/,
    isReused: true,
  },
]
