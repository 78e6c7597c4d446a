import assert from 'node:assert/strict'
import test from 'ava'
import fc from 'fast-check'
import { isHttpAtEnd, mayBeHttpServer, type Spoken, spokenFirst } from '../../../sidecar/connection/spoken.ts'
import { LIMITS } from '../../../sidecar/core/limits.ts'

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
const HELLO = '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'

/** What clients say first, and what it is. */
const WHOLE: readonly (readonly [string, string, Spoken])[] = [
  ['a request of HTTP/1.1', 'GET / HTTP/1.1\r\nhost: a\r\n', 'http1'],
  ['a request of HTTP/1.0 with a bare LF', 'GET / HTTP/1.0\n', 'http1'],
  ['a request in absolute form', 'GET http://a/b?c HTTP/1.1\r\n', 'http1'],
  ['a method of its own', 'X-PURGE * HTTP/1.1\r\n', 'http1'],
  ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\n', 'http1'],
  ['a version to come', 'GET / HTTP/1.7\r\n', 'http1'],
  ['a version that is none', 'GET / HTTP/1.x\r\n', 'http1'],
  ['HTTP/2 without its preface', 'GET / HTTP/2.0\r\n', 'http1'],
  ['two blanks', 'GET  / HTTP/1.1\r\n', 'http1'],
  ['a line that begins with a blank', ' GET / HTTP/1.1\r\n', 'http1'],
  ['an empty line before', '\r\n\n\rGET / HTTP/1.1\r\n', 'http1'],
  ['small letters', 'get / http/1.1\r\n', 'http1'],
  ['tabs', 'GET\t/\tHTTP/1.1\r\n', 'http1'],
  ['letters beyond ASCII', 'GET /\xe9 HTTP/1.1\r\n', 'http1'],
  ['a control in the target', 'GET /\x01 HTTP/1.1\r\n', 'http1'],
  ['NUL in the target', 'GET /\0 HTTP/1.1\r\n', 'http1'],
  ['a control behind the version', 'GET / HTTP/1.1\0\r\n', 'http1'],
  ['HTTP/0.9', 'GET /\r\n', 'http1'],
  ['HTTP/0.9 in absolute form', '\tGET  http://a/\n', 'http1'],
  ['a blank line before', ' \t\r\nGET / HTTP/1.1\r\n', 'http1'],
  ['blanks as Python has them', 'GET\x0b/\x1fHTTP/1.1\r\n', 'http1'],
  ['a blank of Python before', '\x0c\x1cGET / HTTP/1.1\r\n', 'http1'],
  ['PRI that is no preface', 'PRI * HTTP/1.1\r\n', 'http1'],
  ['the preface of HTTP/2', PREFACE, 'http2'],
  ['a preface with a frame behind it', `${PREFACE}\0\0\0\x04`, 'http2'],
  ['a ClientHello', HELLO, 'tls'],
  ['Redis, inline', 'PING\r\n', 'tcp'],
  ['Redis', '*1\r\n$4\r\nPING\r\n', 'tcp'],
  ['memcached', 'get key\r\n', 'tcp'],
  ['memcached, storing', 'set key 0 0 5\r\n', 'tcp'],
  ['SMTP', 'EHLO me\r\n', 'tcp'],
  ['MQTT', '\x10\x10\0\x04MQTT\x04', 'tcp'],
  ['Kafka', '\0\0\0\x14\0\x12\0\0', 'tcp'],
  ['PostgreSQL', '\0\0\0\x08\x04\xd2\x16\x2f', 'tcp'],
  ['LDAP', '0\x0c\x02\x01\x01`\x07\x02\x01\x03', 'tcp'],
  ['AMQP', 'AMQP\0\0\x09\x01', 'tcp'],
  ['SSH', 'SSH-2.0-OpenSSH_9\r\n', 'tcp'],
  ['RTSP', 'OPTIONS rtsp://a RTSP/1.0\r\n', 'tcp'],
  ['memcached, a key with a slash', 'get /key\r\n', 'tcp'],
  ['Redis, inline, with a key', 'GET key\r\n', 'tcp'],
  ['a length that is a blank', ' \0\0\0', 'tcp'],
  ['a length that is a line end', '\n\0\0\0', 'tcp'],
  ['a record that is no handshake', '\x17\x03\x03\0\x10', 'tcp'],
  ['a handshake that is no ClientHello', '\x16\x03\x03\0\x10\x02', 'tcp'],
  ['SSL 2', '\x80\x2e\x01\x03\x01', 'tcp'],
]

for (const [what, octets, spoken] of WHOLE) {
  test(`${what} is told as ${spoken}`, () => assert.equal(spokenFirst(Buffer.from(octets, 'latin1')), spoken))
}

test('however it is cut, a beginning is told as the whole or not yet', () => {
  for (const [what, text, spoken] of WHOLE) {
    const octets = Buffer.from(text, 'latin1')
    let isTold = false
    for (let length = 0; length <= octets.length; length++) {
      const told = spokenFirst(octets.subarray(0, length))
      assert(told === spoken || (told === 'more' && !isTold), `${what}, ${length} octets: ${told}`)
      isTold = told !== 'more'
    }
  }
})

test('what was told is not changed by what comes behind it', () => {
  const start = fc.constantFrom('', ...WHOLE.map(([, text]) => text))
  const piece = fc.uint8Array({ maxLength: 40 })
  fc.assert(
    fc.property(start, fc.nat(30), piece, piece, (text, cut, some, more) => {
      const octets = Buffer.concat([Buffer.from(text.slice(0, cut), 'latin1'), some])
      const told = spokenFirst(octets)
      if (told !== 'more') assert.equal(spokenFirst(Buffer.concat([octets, more])), told)
    }),
    { numRuns: 2_000 },
  )
})

test('a request line that never ends is for the reader of HTTP/1 to refuse', () => {
  const endless = (length: number): Buffer => Buffer.from(`GET /${'a'.repeat(length)}`)
  assert.equal(spokenFirst(endless(LIMITS.requestLineBytes - 100)), 'more')
  assert.equal(spokenFirst(endless(LIMITS.requestLineBytes + 100)), 'http1') // However much of it comes at once: some servers take a longer one.
  const whole = Buffer.concat([endless(LIMITS.requestLineBytes + 100), Buffer.from(' HTTP/1.1\r\n')])
  assert.equal(spokenFirst(whole), 'http1')
})

test('what ends without the end of a line is told by what it is', () => {
  for (const text of ['GET / HTTP/1.1', 'GET /', 'PRI * HTTP/2.0\r', 'x http/1'])
    assert.equal(isHttpAtEnd(Buffer.from(text)), true, text)
  for (const text of ['', 'GET', 'quit', 'PRI * ', '\x16\x03\x01', '\x16\x03\x01\0\x05'])
    assert.equal(isHttpAtEnd(Buffer.from(text, 'latin1')), false, text)
})

test('a server that speaks first may speak HTTP by a status line, or by settings', () => {
  const whole = ['HTTP/1.1 408', '\0\0\0\x04\0\0\0\0\0', '\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\xff\xff\0\0\x04\x08']
  for (const text of whole) {
    for (let length = 0; length <= text.length; length++)
      assert.equal(mayBeHttpServer(Buffer.from(text.slice(0, length), 'latin1')), true, `${text}, ${length}`)
  }
  const others = [
    '220 ready\r\n',
    'J\0\0\0\x0a5.7',
    'HTML',
    'HTTQ',
    '\0\0\x06\x05',
    '\0\0\x06\x04\x01',
    '\0\0\x06\x04\0\0\0\0\x01',
    '\0\x07\0\x04',
  ]
  for (const text of others) assert.equal(mayBeHttpServer(Buffer.from(text, 'latin1')), false, text)
})
