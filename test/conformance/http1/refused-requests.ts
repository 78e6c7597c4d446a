/** Row of the table of inputs; what is wrong; the octets; the status of the one answer. */
export type RefusedRow = readonly [row: number, fault: string, octets: string, status: number]

const HEAD = 'POST / HTTP/1.1\r\nHost: orders\r\n'
const CHUNKED = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`
const withLine = (line: string): string => `${line}\r\nHost: orders\r\n\r\n`
const withField = (field: string): string => `GET / HTTP/1.1\r\nHost: orders\r\n${field}\r\n\r\n`
const withLength = (length: string): string => `${HEAD}Content-Length: ${length}\r\n\r\nhello`
const withCoding = (coding: string): string => `${HEAD}Transfer-Encoding: ${coding}\r\n\r\n0\r\n\r\n`
const withHost = (host: string): string => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`
const withSize = (size: string): string => `${CHUNKED}${size}\r\nhello\r\n0\r\n\r\n`

/** One row for each of these. */
const each = (
  row: number,
  what: string,
  values: readonly string[],
  octets: (value: string) => string,
  status = 400,
): RefusedRow[] => values.map((value) => [row, `${what} ${visible(value)}`, octets(value), status])

/** Octets that a title would lose, in hexadecimal. */
const visible = (value: string): string =>
  `"${value.replaceAll(/[^!-~]/g, (octet) => `<${octet.charCodeAt(0).toString(16).padStart(2, '0')}>`)}"`

/**
 * What callers may not send: one answer, the end of the connection, and not an octet of what comes behind is read. The
 * numbers are those of the table that this suite is about, from smuggling as it was found in others.
 */
export const REFUSED_REQUESTS: readonly RefusedRow[] = [
  [1, 'both framings', `${HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  [1, 'both framings, turned', `${HEAD}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`, 400],
  ...each(2, 'a last coding that is not chunked', ['gzip', 'chunked, gzip', 'deflate'], withCoding),
  ...each(3, 'an unknown coding', ['foo', 'xchunked', 'gzip, chunked'], withCoding, 501),
  ...each(
    4,
    'a coding that is not exactly chunked',
    [
      'chunked;q=1',
      'chunked, chunked',
      'identity',
      'identity, chunked',
      '',
      ',chunked',
      'chunked,',
      '"chunked"',
      '\xa0chunked',
      'chu nked',
      'chunked\x0b',
    ],
    withCoding,
  ),
  [4, 'chunked in two fields', `${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  [5, 'a coding in HTTP/1.0', 'POST / HTTP/1.0\r\nHost: orders\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
  [6, 'two lengths', `${HEAD}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`, 400],
  [6, 'two equal lengths', `${HEAD}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`, 400],
  ...each(6, 'a list of lengths', ['5, 5', '5,6', '5,'], withLength),
  ...each(
    7,
    'the length',
    ['+5', '-0', '0x5', '1 2', '1_0', '', '05', '5.0', '1e1', '9007199254740992', '99999999999999999999'],
    withLength,
  ),
  ...each(8, 'before the colon', [' ', '\t', '\x01', '\x0b', '\xa0'], (octet) => withField(`X-Name${octet}: 1`)),
  [9, 'white space before the first field', 'GET / HTTP/1.1\r\n Host: orders\r\n\r\n', 400],
  ...each(9, 'a field that is folded by', [' ', '\t'], (octet) => withField(`X-Name: 1\r\n${octet}2`)),
  [10, 'CR alone in a value', withField('X-Name: a\rb'), 400],
  [10, 'CR alone in a name', withField('X-Na\rme: a'), 400],
  [10, 'CR alone in the target', withLine('GET /\r HTTP/1.1'), 400],
  [10, 'CR alone as an end', 'GET / HTTP/1.1\r\nHost: orders\r\rX: 1\r\n\r\n', 400],
  [10, 'CR alone in a trailer', `${CHUNKED}0\r\nX-Sum: a\rb\r\n\r\n`, 400],
  [11, 'LF alone behind the request line', 'GET / HTTP/1.1\nHost: orders\r\n\r\n', 400],
  [11, 'LF alone behind a field', 'GET / HTTP/1.1\r\nHost: orders\nX: 1\r\n\r\n', 400],
  [11, 'LF alone at the end of a head', 'GET / HTTP/1.1\r\nHost: orders\r\n\n', 400],
  [11, 'LF alone before a request', '\nGET / HTTP/1.1\r\nHost: orders\r\n\r\n', 400],
  [11, 'LF alone behind a chunk size', `${CHUNKED}5\nhello\r\n0\r\n\r\n`, 400],
  [11, 'LF alone in a chunk extension', `${CHUNKED}5;a\nhello\r\n0\r\n\r\n`, 400],
  [11, 'LF alone behind a chunk', `${CHUNKED}5\r\nhello\n0\r\n\r\n`, 400],
  [11, 'LF alone behind a trailer', `${CHUNKED}0\r\nX-Sum: 1\n\r\n`, 400],
  [11, 'LF alone at the end of trailers', `${CHUNKED}0\r\n\n`, 400],
  ...each(12, 'in a value', ['\0', '\x01', '\x08', '\x0b', '\x1f', '\x7f'], (octet) => withField(`X-Name: a${octet}b`)),
  ...each(12, 'in a name', ['\0', ' ', '"', '(', ',', '/', ';', '@', '[', '{', '\x7f', '\xe4'], (octet) =>
    withField(`X${octet}Y: 1`),
  ),
  [12, 'an empty name', withField(': 1'), 400],
  [12, 'no colon', withField('X-Name'), 400],
  [13, 'no Host', 'GET / HTTP/1.1\r\nAccept: */*\r\n\r\n', 400],
  [13, 'two Hosts', 'GET / HTTP/1.1\r\nHost: orders\r\nHost: orders\r\n\r\n', 400],
  ...each(
    13,
    'Host',
    [
      'orders,evil',
      'orders/x',
      'user@orders',
      'orders:x',
      'orders:0',
      'orders:65536',
      'a b',
      'orders:1:2',
      '[::1',
      '.',
      'orders#x',
      'orders\\x',
    ],
    withHost,
  ),
  [14, 'absolute-form with userinfo', withLine('GET http://user@orders/ HTTP/1.1'), 400],
  [14, 'absolute-form of another scheme', withLine('GET ftp://orders/ HTTP/1.1'), 400],
  ...each(
    15,
    'the line',
    [
      'GET\t/ HTTP/1.1',
      'GET  / HTTP/1.1',
      'GET /  HTTP/1.1',
      'GET HTTP/1.1',
      'GET / HTTP/1.1 ',
      ' GET / HTTP/1.1',
      'GET / http/1.1',
      'GET /',
      'GET / HTTP/1.10',
      'GET / HTTP/11',
      'G(T / HTTP/1.1',
      'GET * HTTP/1.1',
      'GET x HTTP/1.1',
    ],
    withLine,
  ),
  ...each(15, 'the version', ['HTTP/2.0', 'HTTP/3.0', 'HTTP/0.9'], (version) => withLine(`GET / ${version}`), 505),
  [16, 'a target too long', withLine(`GET /${'a'.repeat(17_000)} HTTP/1.1`), 414],
  [16, 'a field too long', withField(`X: ${'a'.repeat(70_000)}`), 431],
  [16, 'too many fields', withField(Array.from({ length: 130 }, () => 'X: 1').join('\r\n')), 431],
  ...each(
    17,
    'the chunk size',
    ['0x5', ' 5', '5 ', '-1', '+5', '5_0', '', '00000000000000005', '10000000000000005', 'fffffffffffffff', 'g', '5\t'],
    withSize,
  ),
  [17, 'no line end behind a chunk', `${CHUNKED}5\r\nhello0\r\n\r\n`, 400],
  [17, 'more than the chunk size', `${CHUNKED}4\r\nhello\r\n0\r\n\r\n`, 400],
  [17, 'less than the chunk size', `${CHUNKED}6\r\nhello\r\n0\r\n\r\n`, 400],
  [18, 'a line end in a quoted extension', `${CHUNKED}5;a="\r\nhello\r\n0\r\n\r\n`, 400],
  [18, 'CR in an extension', `${CHUNKED}5;a\rb\r\nhello\r\n0\r\n\r\n`, 400],
  [18, 'NUL in an extension', `${CHUNKED}5;a\0b\r\nhello\r\n0\r\n\r\n`, 400],
  [18, 'more than 4 KiB of extensions', `${CHUNKED}${'1;aaaaaaaaa\r\nx\r\n'.repeat(500)}0\r\n\r\n`, 400],
  ...each(21, 'the expectation', ['200-ok', '100-continue, x', ''], (value) => withField(`Expect: ${value}`), 417),
  [25, 'CONNECT with a length', 'CONNECT orders:80 HTTP/1.1\r\nHost: orders:80\r\nContent-Length: 5\r\n\r\nhello', 400],
  [
    25,
    'CONNECT with a coding',
    'CONNECT orders:80 HTTP/1.1\r\nHost: orders:80\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  [25, 'an upgrade with a length', withField('Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 5'), 400],
  [
    25,
    'an upgrade with a coding',
    withField('Connection: upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked'),
    400,
  ],
  ...each(29, 'the path', ['/%00', '/a#b', '/a\\b', '/%c0%ae', '/%4', '/%zz', '/%', '/\xe4', '/\x7f'], (path) =>
    withLine(`GET ${path} HTTP/1.1`),
  ),
]
