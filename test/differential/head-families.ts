import { below, chunked, outer, smuggled } from './octets.ts'
import type { Draw, Family } from './smuggling-inputs.ts'

/** Without it HAProxy takes it for no request at all. */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const WEBSOCKET = `Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ${KEY}`

/** Field lines that are read in more than one way, without their end. */
const FIELDS = [
  ...[
    'X: y',
    'X:y',
    'X:',
    'X:\t',
    'X : y',
    'X\t: y',
    ' X: y',
    '\tX: y',
    'X',
    ': y',
    ':',
    'X y: z',
    'X: y\r\n z',
    'X: y\r\n\tz',
  ],
  ...[
    'X\0: y',
    'X: \0',
    'X: y\0z',
    'X: y\rz',
    'X: y\r',
    '\rX: y',
    'X\r: y',
    'X: y\x0bz',
    'X: \x7f',
    'X: \x1b[2J',
    'X\x0b: y',
    '\x0cX: y',
  ],
  ...[
    'X: \xe4',
    'X\xe4: y',
    '\xa0X: y',
    'X\xa0: y',
    'X: y\xa0',
    'X_Y: z',
    '_X: y',
    '_: y',
    '-: y',
    'X"Y: z',
    'X(: y',
    'X{}: y',
    'X;Y: z',
  ],
  ...[
    'X,Y: z',
    'X/Y: z',
    '@: y',
    '!#$%&*+-.^`|~: y',
    '0: y',
    'X:: y',
    'X: y: z',
    'Content_Length: 90',
    'Transfer_Encoding: chunked',
  ],
  ...[
    'Content-Length_: 90',
    'Content.Length: 90',
    'Host_: evil',
    'Host: evil',
    'host : evil',
    ' Host: evil',
    'Host\0: evil',
    'HTTP/1.1 200 OK',
  ],
  ...[
    'Content-Length\r\n: 90',
    'GET /smuggled-0 HTTP/1.1',
    'X: y\nTransfer-Encoding: chunked',
    'X: y\nContent-Length: 90',
    'X: y\nHost: evil',
  ],
  ...[`X: ${'y'.repeat(8_000)}`, `X: ${'y'.repeat(60_000)}`, `X: ${'y'.repeat(66_000)}`, `${'X'.repeat(200)}: y`],
  ...[
    'Connection: content-length',
    'Connection: transfer-encoding',
    'Connection: host, x',
    'Connection: keep-alive, close',
    'Connection: \0',
  ],
  ...[
    'Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__',
    'Upgrade: h2c',
    'Upgrade: TLS/1.0, HTTP/1.1',
  ],
  ...[WEBSOCKET, 'Proxy-Connection: keep-alive', 'Keep-Alive: timeout=1', 'TE: trailers, chunked', 'Trailer: x'],
  ...[
    'X-HTTP-Method-Override: PUT',
    'X-Original-URL: /smuggled-0',
    'X-Rewrite-URL: /smuggled-0',
    'X-Forwarded-Host: evil',
    'X-Mesh-Attempt: 9',
  ],
]
const LINE_ENDS = [
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\n',
  '\r',
  '\r\r\n',
  '\n\r\n',
  '\r\n\r\n',
  ' \r\n',
  '\0\r\n',
  '\x0b\r\n',
  '\x85',
  '\r\0\n',
]
const EXPECTATIONS = [
  ...[
    '100-continue',
    '100-Continue',
    '100-CONTINUE',
    ' 100-continue ',
    '100-continue\r\nExpect: 100-continue',
    '100-continue, 100-continue',
  ],
  ...[
    '100-continuex',
    'x 100-continue',
    '100',
    '',
    '200-ok',
    '100-continue;a=b',
    '"100-continue"',
    '100-continue\0',
    'y 100-continue',
    '100-\r\n continue',
  ],
]
const METHODS = [
  'GET',
  'POST',
  'HEAD',
  'OPTIONS',
  'PUT',
  'DELETE',
  'PATCH',
  'TRACE',
  'get',
  'Post',
  'FOO',
  'M-SEARCH',
  'CONNECT',
  '"GET"',
  'G\0T',
  'GET:',
  'GÄT',
]
const VERSIONS = [
  ...[
    'HTTP/1.1',
    'HTTP/1.1',
    'HTTP/1.1',
    'HTTP/1.0',
    'HTTP/0.9',
    'HTTP/1.2',
    'HTTP/1.9',
    'HTTP/2.0',
    'HTTP/3',
    'http/1.1',
    'HtTP/1.1',
    'HTTP/1.10',
  ],
  ...[
    'HTTP/01.1',
    'HTTP/1.01',
    'HTTP/1,1',
    'HTTP/11',
    'HTTP/1.',
    'HTTP/',
    '',
    'HTTP/1.1 ',
    'HTTP/1.1\t',
    ' HTTP/1.1',
    'HTTP /1.1',
    'HTTP/1.1x',
    'HTTP/-1.1',
    'HTTPS/1.1',
    'ICY/1.1',
    'HTTP/1.1 HTTP/1.1',
  ],
]
const SEPARATORS = [' ', ' ', ' ', ' ', '  ', '\t', '', '\x0b', '\x0c', '\r', '\n', '\0', '\xa0', ' \t']
/** Targets of `path`, in every form. Host stands for the service. */
const TARGETS: readonly ((path: string, host: string) => string)[] = [
  (path) => path,
  (path) => path,
  (path, host) => `http://${host}${path}`,
  (path, host) => `HTTP://${host.toUpperCase()}${path}`,
  (path, host) => `http://${host}:80${path}`,
  (path, host) => `https://${host}${path}`,
  (path, host) => `http://evil@${host}${path}`,
  (path) => `http://evil${path}`,
  (path) => `http://${path}`,
  (path, host) => `ftp://${host}${path}`,
  (path, host) => `//${host}${path}`,
  (path, host) => `http:/${host}${path}`,
  (_, host) => host,
  (_, host) => `${host}:80`,
  () => '*',
  (path) => path.slice(1),
  (path) => `.${path}`,
  (path) => `/.${path}`,
  (path) => `//${path}`,
  (path) => `/x/..${path}`,
  (path) => `/%2e%2e${path}`,
  (path) => path.replace('o', '%6f'),
  (path) => `${path}?a=b`,
  (path) => `${path}?a=/../${path}`,
  (path) => `${path}?`,
  (path) => `${path}??&=%00`,
  (path) => `${path}#x`,
  (path) => `${path}%00`,
  (path) => `${path}%0d%0aX:%20y`,
  (path) => `${path} /x`,
  (path) => `${path}\tx`,
  (path) => `\\${path}`,
  (path) => `/x\\..${path}`,
  (path) => `/%2f${path}`,
  (path) => `${path};a=b`,
  (path) => `/;/..${path}`,
  (path) => `/\xe4${path}`,
  (path) => `/%e4${path}`,
  (path) => `/%c3%a4${path}`,
  (path) => `/%${path}`,
  (path) => `/"${path}`,
  (path) => `/<${path}`,
  (path) => `/{|}^\`${path}`,
  (path) => `${path}/${'a'.repeat(4_000)}`,
  (path) => `${path}/${'a'.repeat(15_000)}`,
  (path) => `${path}/${'a'.repeat(17_000)}`,
  (path) => `${path}/${'a/'.repeat(2_000)}`,
]

/** `POST` with a body by its length, in which the hidden request stands, or nothing. */
const tail = (draw: Draw): { readonly fields: string; readonly body: string } => {
  const hidden = smuggled(draw)
  return draw.one([
    { fields: '', body: '' },
    { fields: `Content-Length: ${hidden.length}\r\n`, body: hidden },
    { fields: 'Transfer-Encoding: chunked\r\n', body: chunked(hidden) },
  ])
}

/** A good request of a pipeline. */
function goodRequest(draw: Draw, method: string, path: string): string {
  const text = 'x'.repeat(below(draw, 300))
  const head = `${method} ${path} HTTP/1.1\r\nHost: ${draw.host}\r\n`
  const length = `${head}Content-Length: ${text.length}\r\n\r\n${text}`
  if (draw.random() < 0.3)
    return `${head}Transfer-Encoding: chunked\r\n\r\n${text === '' ? '0\r\n\r\n' : chunked(text)}`
  return draw.random() < 0.6 ? length : `${head}\r\n`
}

/** Names, lines and what stands at the head's beginning. */
export const HEAD_FAMILIES: readonly Family[] = [
  {
    name: 'fields',
    count: 400,
    make(draw) {
      const { fields, body } = tail(draw)
      const lines = [
        `Host: ${draw.host}\r\n`,
        `${draw.one(FIELDS)}\r\n`,
        draw.random() < 0.3 ? `${draw.one(FIELDS)}\r\n` : '',
      ]
      const ordered = draw.random() < 0.5 ? lines : lines.toReversed()
      const line = `${draw.one(['GET', 'POST', 'DELETE'])} /outer-${draw.number} HTTP/1.1\r\n`
      return `${line}${ordered.join('')}${fields}\r\n${body}${smuggled(draw)}`
    },
  },
  {
    name: 'line ends of heads',
    count: 250,
    make(draw) {
      const { fields, body } = tail(draw)
      const lines = [
        `POST /outer-${draw.number} HTTP/1.1`,
        `Host: ${draw.host}`,
        'X: y',
        ...fields.split('\r\n', 1).filter(Boolean),
      ]
      const before = draw.one(['', '', '', '\r\n', '\r\n\r\n', '\n', '\r', ' ', '\0', '\r\n '])
      const ends = lines.map((line) => line + draw.one(LINE_ENDS)).join('')
      return `${before}${ends}${draw.one(['\r\n', '\r\n', '\n', '\r', '\r\r\n', ' \r\n'])}${body}${smuggled(draw)}`
    },
  },
  {
    name: 'request lines',
    count: 400,
    make(draw) {
      const { fields, body } = tail(draw)
      const method = draw.random() < 0.6 ? draw.one(['GET', 'POST']) : draw.one(METHODS)
      const target = draw.one(TARGETS)(`/outer-${draw.number}`, draw.host)
      const isOdd = draw.random() < 0.3
      const line = `${method}${isOdd ? draw.one(SEPARATORS) : ' '}${target}${isOdd ? draw.one(SEPARATORS) : ' '}`
      const version = draw.random() < 0.6 ? 'HTTP/1.1' : draw.one(VERSIONS)
      const host =
        draw.random() < 0.85 ? `Host: ${draw.host}\r\n` : draw.one(['', 'Host: evil\r\n', 'Host:\r\n', 'Host: a,b\r\n'])
      return `${line}${version}\r\n${host}${fields}\r\n${body}${smuggled(draw)}`
    },
  },
  {
    name: 'expectations',
    count: 60,
    make(draw) {
      const { fields, body } = tail(draw)
      const early = draw.random() < 0.5 ? body : body.slice(0, below(draw, body.length + 1))
      return `${outer(draw)}Expect: ${draw.one(EXPECTATIONS)}\r\n${fields}\r\n${early}${smuggled(draw)}`
    },
  },
  {
    name: 'tunnels with bodies',
    count: 60,
    make(draw) {
      const { fields, body } = tail(draw)
      const upgrade = draw.one(['websocket', 'h2c', 'foo', 'websocket, h2c', ''])
      const head = draw.one([
        `${outer(draw)}Connection: upgrade\r\nUpgrade: ${upgrade}\r\nSec-WebSocket-Key: ${KEY}\r\n`,
        `CONNECT ${draw.host}:80 HTTP/1.1\r\nHost: ${draw.host}:80\r\n`,
        `CONNECT /outer-${draw.number} HTTP/1.1\r\nHost: ${draw.host}\r\n`,
      ])
      return `${head}${fields}\r\n${body}${smuggled(draw)}`
    },
  },
  {
    name: 'bodies that break off',
    count: 80,
    make(draw) {
      const { fields, body } = tail(draw)
      return `${outer(draw)}${fields}\r\n${body.slice(0, below(draw, body.length))}`
    },
  },
  {
    name: 'good pipelines',
    count: 160,
    make(draw) {
      const count = 1 + below(draw, 6)
      const paths = Array.from({ length: count }, () => `/outer-${draw.number}`)
      const requests = paths.map((path) => goodRequest(draw, draw.one(['GET', 'POST', 'PUT', 'DELETE']), path))
      return `${requests.join('')}${smuggled(draw)}`
    },
  },
]
