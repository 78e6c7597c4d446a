import assert from 'node:assert/strict'
import test from 'ava'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import type { MeshErrorCode } from '../../../sidecar/core/mesh-errors.ts'
import { RequestHeadParser } from '../../../sidecar/http1/request-head.ts'
import { everySplit, requestTranscript } from './transcript.ts'

const GOOD = [
  'GET /a?b=c HTTP/1.1\r\nHost: Shop.Example:8080\r\nAccept: */*\r\nX-Own:  two words \r\nX-Empty:\r\n\r\n',
  'POST /items HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello',
  'POST /items HTTP/1.1\r\nhost: a\r\ntransfer-encoding: Chunked\r\n\r\n5;x="a;b"\r\nhello\r\n0A\r\n0123456789\r\n0\r\nX-Sum: 7\r\nHost: evil\r\nContent-Length: 1\r\n\r\n',
  '\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\nGET /second HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
  'GET / HTTP/1.0\r\n\r\n',
  'GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n',
  'GET /chat HTTP/1.1\r\nhost: a\r\nconnection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\nsec-websocket-key: x\r\n\r\n\x00\x81raw',
  'POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-Continue\r\ncontent-length: 2\r\n\r\nok',
]

for (const input of GOOD) {
  test(`a request is the same wherever its octets are cut: ${JSON.stringify(input.slice(0, 50))}`, () => {
    const bytes = Buffer.from(input, 'latin1')
    const whole = requestTranscript([bytes])
    assert.equal(whole.error, undefined)
    assert(whole.steps.length > 0)
    for (const chunks of everySplit(bytes)) assert.deepEqual(requestTranscript(chunks), whole)
  })
}

test('a request head says what was sent, lower case, without what ends at this hop', () => {
  const input =
    'GET http://Shop.example./x/../y HTTP/1.1\r\nHost: other\r\nAccept: a\r\nTE: trailers, gzip\r\nKeep-Alive: 5\r\n' +
    'Proxy-Connection: x\r\nX-Hop: 1\r\nAuthorization: t\r\nConnection: x-hop, authorization, close\r\n__proto__: 1\r\n\r\n'
  const { steps } = requestTranscript([Buffer.from(input)])
  assert.deepEqual(steps, [
    {
      head: {
        method: 'GET',
        scheme: 'http',
        authority: 'shop.example',
        path: '/y',
        fields: ['accept', 'a', 'te', 'trailers', 'authorization', 't', '__proto__', '1'],
        bodyLength: 0,
        upgrade: undefined,
        expectsContinue: false,
      },
      isChunked: false,
      isHttp10: false,
      keepAlive: false,
      isEnd: true,
    },
  ])
})

test('as many options of Connection as a head may have fields are read', () => {
  const options = Array.from({ length: LIMITS.headerCount }, (_, i) => `x-${i}`).join(', ')
  const input = `GET / HTTP/1.1\r\nHost: a\r\nX-127: 1\r\nX-128: 1\r\nConnection: ${options}\r\n\r\n`
  const [request] = requestTranscript([Buffer.from(input)]).steps as [{ head: { fields: string[] } }]
  assert.deepEqual(request.head.fields, ['x-128', '1'])
})

test('trailers lose what frames, routes or authenticates', () => {
  const input =
    'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-sum: 1\r\nAuthorization: x\r\nx-mesh-attempt: 1\r\ntransfer-encoding: chunked\r\n\r\n'
  assert.deepEqual(requestTranscript([Buffer.from(input)]).steps.at(-1), { end: ['x-sum', '1'] })
})

const HEAD = 'POST / HTTP/1.1\r\nHost: a\r\n'
const CHUNKED = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`
const line = (text: string): string => `${text}\r\nHost: a\r\n\r\n`
const field = (text: string): string => `GET / HTTP/1.1\r\nHost: a\r\n${text}\r\n\r\n`

/** What smuggling and plain rudeness look like: [number, input, code]. */
const BAD: readonly (readonly [string, string, MeshErrorCode])[] = [
  ['1 both framings', `${HEAD}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n`, 'bad-request'],
  ['1 both framings, turned', `${HEAD}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n`, 'bad-request'],
  ['2 last coding not chunked', `${HEAD}Transfer-Encoding: gzip\r\n\r\n`, 'bad-request'],
  ['2 chunked not last', `${HEAD}Transfer-Encoding: chunked, gzip\r\n\r\n`, 'bad-request'],
  ['3 unknown coding', `${HEAD}Transfer-Encoding: foo\r\n\r\n`, 'not-implemented'],
  ['3 coding before chunked', `${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n`, 'not-implemented'],
  ['4 parameters', `${HEAD}Transfer-Encoding: chunked;q=1\r\n\r\n`, 'bad-request'],
  ['4 twice', `${HEAD}Transfer-Encoding: chunked, chunked\r\n\r\n`, 'bad-request'],
  ['4 two fields', `${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`, 'bad-request'],
  ['4 identity', `${HEAD}Transfer-Encoding: identity\r\n\r\n`, 'bad-request'],
  ['4 empty', `${HEAD}Transfer-Encoding:\r\n\r\n`, 'bad-request'],
  ['4 leading comma', `${HEAD}Transfer-Encoding: ,chunked\r\n\r\n`, 'bad-request'],
  ['4 trailing comma', `${HEAD}Transfer-Encoding: chunked,\r\n\r\n`, 'bad-request'],
  ['4 quotes', `${HEAD}Transfer-Encoding: "chunked"\r\n\r\n`, 'bad-request'],
  ['4 obs-text', `${HEAD}Transfer-Encoding: \xa0chunked\r\n\r\n`, 'bad-request'],
  ['5 HTTP/1.0', 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n', 'bad-request'],
  ['6 two lengths', `${HEAD}Content-Length: 3\r\nContent-Length: 4\r\n\r\n`, 'bad-request'],
  ['6 two equal lengths', `${HEAD}Content-Length: 3\r\nContent-Length: 3\r\n\r\n`, 'bad-request'],
  ['6 a list', `${HEAD}Content-Length: 3, 3\r\n\r\n`, 'bad-request'],
  ...['+5', '-0', '0x5', '5 5', '1_0', '', '05', '9007199254740992', '99999999999999999999', '5a'].map(
    (length): readonly [string, string, MeshErrorCode] => [
      `7 length "${length}"`,
      `${HEAD}Content-Length: ${length}\r\n\r\n`,
      'bad-request',
    ],
  ),
  ['8 space before colon', field('X : 1'), 'bad-request'],
  ['8 tab before colon', field('X\t: 1'), 'bad-request'],
  ['8 control before colon', field('X\x01: 1'), 'bad-request'],
  ['9 white space first', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n', 'bad-request'],
  ['9 folding', field('X: 1\r\n 2'), 'bad-request'],
  ['9 folding by tab', field('X: 1\r\n\t2'), 'bad-request'],
  ['10 bare CR in value', field('X: a\rb'), 'bad-request'],
  ['10 bare CR in name', field('X\rY: a'), 'bad-request'],
  ['10 bare CR ends a head', 'GET / HTTP/1.1\r\nHost: a\r\n\rX', 'bad-request'],
  ['11 bare LF in start line', 'GET / HTTP/1.1\nHost: a\r\n\r\n', 'bad-request'],
  ['11 bare LF in field', 'GET / HTTP/1.1\r\nHost: a\n\r\n', 'bad-request'],
  ['11 bare LF at end', 'GET / HTTP/1.1\r\nHost: a\r\n\n', 'bad-request'],
  ['11 bare LF before', '\nGET / HTTP/1.1\r\nHost: a\r\n\r\n', 'bad-request'],
  ['11 bare LF after chunk size', `${CHUNKED}5\nhello\r\n0\r\n\r\n`, 'bad-request'],
  ['11 bare LF in extension', `${CHUNKED}5;a\nhello\r\n0\r\n\r\n`, 'bad-request'],
  ['11 bare LF after data', `${CHUNKED}5\r\nhello\n0\r\n\r\n`, 'bad-request'],
  ['11 bare LF in trailer', `${CHUNKED}0\r\nX: 1\n\r\n`, 'bad-request'],
  ['11 bare LF ends trailer', `${CHUNKED}0\r\n\n`, 'bad-request'],
  ['12 NUL in value', field('X: a\0b'), 'bad-request'],
  ['12 NUL in name', field('X\0: a'), 'bad-request'],
  ['12 DEL in value', field('X: \x7f'), 'bad-request'],
  ['12 name not token', field('X(Y): 1'), 'bad-request'],
  ['12 obs-text in name', field('X\xe4: 1'), 'bad-request'],
  ['12 empty name', field(': 1'), 'bad-request'],
  ['12 no colon', field('X'), 'bad-request'],
  ['13 no Host', 'GET / HTTP/1.1\r\nAccept: a\r\n\r\n', 'bad-request'],
  ['13 two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n', 'bad-request'],
  ...['a,b', 'a/b', 'u@a', 'a:x', 'a:0', 'a:65536', 'a b', 'a:1:2', '[::1', '.', 'a#b', 'a%41', 'a\\b'].map(
    (host): readonly [string, string, MeshErrorCode] => [
      `13 Host "${host}"`,
      `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
      'bad-request',
    ],
  ),
  ['options without end', field(`Connection: x${',x'.repeat(LIMITS.headerCount)}`), 'headers-too-large'],
  ['nothing without end', field(`Connection: ${','.repeat(60_000)}`), 'headers-too-large'],
  ['options in many fields', field('Connection: a,b\r\n'.repeat(65).trim()), 'headers-too-large'],
  ['14 absolute form with userinfo', line('GET http://u@a/ HTTP/1.1'), 'bad-request'],
  ['14 absolute form of another scheme', line('GET ftp://a/ HTTP/1.1'), 'bad-request'],
  ['15 tab', line('GET\t/ HTTP/1.1'), 'bad-request'],
  ['15 two spaces', line('GET  / HTTP/1.1'), 'bad-request'],
  ['15 no target', line('GET HTTP/1.1'), 'bad-request'],
  ['15 trailing space', line('GET / HTTP/1.1 '), 'bad-request'],
  ['15 lower case', line('GET / http/1.1'), 'bad-request'],
  ['15 HTTP/0.9', 'GET /\r\n\r\n', 'bad-request'],
  ['15 HTTP/2.0 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'http-version'],
  ['15 HTTP/3.0', line('GET / HTTP/3.0'), 'http-version'],
  ['15 HTTP/1.10', line('GET / HTTP/1.10'), 'bad-request'],
  ['15 method not token', line('G(T / HTTP/1.1'), 'bad-request'],
  ['15 asterisk with GET', line('GET * HTTP/1.1'), 'bad-request'],
  ['15 relative target', line('GET a HTTP/1.1'), 'bad-request'],
  ['16 long target', line(`GET /${'a'.repeat(17_000)} HTTP/1.1`), 'target-too-long'],
  ['16 long target without end', `GET /${'a'.repeat(17_000)}`, 'target-too-long'],
  ['16 long head', field(`X: ${'a'.repeat(70_000)}`), 'headers-too-large'],
  ['16 long head without end', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(70_000)}`, 'headers-too-large'],
  ['16 many fields', field(Array.from({ length: 130 }, () => 'X: 1').join('\r\n')), 'headers-too-large'],
  ...['0x5', ' 5', '5 ', '-1', '+5', '5_0', '', '00000000000000005', 'fffffffffffffff', 'g'].map(
    (size): readonly [string, string, MeshErrorCode] => [
      `17 chunk size ${JSON.stringify(size).replaceAll(' ', '·')}`,
      `${CHUNKED}${size}\r\nhello\r\n0\r\n\r\n`,
      'bad-request',
    ],
  ),
  ['17 no line end after data', `${CHUNKED}5\r\nhello0\r\n\r\n`, 'bad-request'],
  ['17 more data than size', `${CHUNKED}4\r\nhello\r\n0\r\n\r\n`, 'bad-request'],
  ['18 quoted line end', `${CHUNKED}5;a="\r\nhello\r\n0\r\n\r\n`, 'bad-request'],
  ['18 CR in extension', `${CHUNKED}5;a\rb\r\nhello\r\n0\r\n\r\n`, 'bad-request'],
  ['18 long extensions', `${CHUNKED}${'1;aaaaaaaaa\r\nx\r\n'.repeat(500)}0\r\n\r\n`, 'bad-request'],
  ['21 other expectation', field('Expect: 200-ok'), 'expectation-failed'],
  ['21 two expectations', field('Expect: 100-continue\r\nExpect: 100-continue'), 'expectation-failed'],
  ['25 CONNECT with length', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n', 'bad-request'],
  [
    '25 upgrade with coding',
    field('Connection: upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked'),
    'bad-request',
  ],
  ['29 NUL in path', line('GET /%00 HTTP/1.1'), 'bad-request'],
  ['29 fragment', line('GET /a#b HTTP/1.1'), 'bad-request'],
  ['29 backslash', line('GET /a\\b HTTP/1.1'), 'bad-request'],
  ['29 overlong UTF-8', line('GET /%c0%ae HTTP/1.1'), 'bad-request'],
  ['29 broken percent', line('GET /%4 HTTP/1.1'), 'bad-request'],
  ['29 raw octet past US-ASCII', line('GET /\xe4 HTTP/1.1'), 'bad-request'],
]

for (const [row, input, code] of BAD) {
  test(`a request is refused alike in one read and octet by octet: ${row}`, () => {
    const bytes = Buffer.from(input, 'latin1')
    assert.equal(requestTranscript([bytes]).error, code)
    if (bytes.length < 4_000) {
      for (const chunks of everySplit(bytes)) assert.equal(requestTranscript(chunks).error, code)
    } else assert.equal(requestTranscript(Array.from(bytes, (octet) => Buffer.from([octet]))).error, code)
  })
}

test('a head of as many fields as the limit is taken, and one more is not', () => {
  // Host is one of them
  for (const [count, code] of [
    [LIMITS.headerCount - 1, undefined],
    [LIMITS.headerCount, 'headers-too-large'],
  ] as const) {
    const bytes = Buffer.from(field(Array.from({ length: count }, (_, i) => `X-${i}: 1`).join('\r\n')))
    assert.equal(requestTranscript([bytes]).error, code)
    assert.equal(requestTranscript(Array.from(bytes, (octet) => Buffer.from([octet]))).error, code)
  }
})

test('chunk extensions are limited in each body, however many bodies a connection carries', () => {
  const extension = 'a'.repeat(LIMITS.chunkExtensionBytes)
  const upload = `${CHUNKED}1;${extension}\r\nx\r\n0\r\n\r\n`
  assert.equal(requestTranscript([Buffer.from(upload.repeat(3))]).error, undefined)
  assert.equal(requestTranscript([Buffer.from(upload.replace('0\r\n', '0;b\r\n'))]).error, 'bad-request')
})

test('a good head remembered does not make a bad one pass, nor a bad one spoil the good', () => {
  const parser = new RequestHeadParser('http')
  const good = Buffer.from('GET / HTTP/1.1\r\nhost: a\r\nx-one: 1\r\nx-two: 2\r\n\r\n')
  const first = requestTranscript([good], parser)
  for (const [, input] of BAD) {
    assert.notEqual(requestTranscript([Buffer.from(input, 'latin1')], parser).error, undefined)
    assert.deepEqual(requestTranscript([good], parser), first)
  }
})

test('every octet changed in a remembered head reads as it does for a parser without memory', () => {
  const good = Buffer.from('GET /a HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\naccept: b\r\nx: \r\nz: 12345678\r\n\r\n')
  const octets = [0x00, 0x09, 0x0a, 0x0d, 0x20, 0x3a, 0x41, 0x7f, 0xff]
  for (let i = 0; i < good.length; i++) {
    for (const octet of octets) {
      const changed = Buffer.from(good)
      changed[i] = octet
      const parser = new RequestHeadParser('http')
      requestTranscript([good], parser)
      assert.deepEqual(requestTranscript([changed], parser), requestTranscript([changed]))
    }
  }
})

test('only GET asks for a WebSocket: with another method the upgrade is not heard', () => {
  const parser = new RequestHeadParser('http')
  const upgrade = (method: string): string | undefined => {
    const octets = Buffer.from(`${method} / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`)
    assert.equal(parser.parse(octets, 0, octets.length), octets.length)
    assert.equal(parser.parsed?.head.method, method)
    return parser.parsed?.head.upgrade
  }
  assert.deepEqual(['GET', 'POST', 'PUT', 'DELETE', 'HEAD'].map(upgrade), ['websocket', ...Array(4).fill(undefined)])
})
