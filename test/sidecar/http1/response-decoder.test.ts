import assert from 'node:assert/strict'
import test from 'ava'
import { everySplit, responseTranscript } from './transcript.ts'

const GOOD: readonly (readonly [string, readonly string[]])[] = [
  ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\nServer: x\r\n\r\nok', ['GET']],
  ['HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n', ['GET']],
  [
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx',
    ['POST'],
  ],
  [
    'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nHTTP/1.1 204 No\r\n\r\nHTTP/1.1 304 No\r\ncontent-length: 7\r\n\r\n',
    ['HEAD', 'GET', 'GET'],
  ],
  ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n', ['GET']],
  ['HTTP/1.0 200 OK\r\n\r\nuntil the end', ['GET']],
]

for (const [input, methods] of GOOD) {
  test(`a response is the same wherever its octets are cut: ${JSON.stringify(input.slice(0, 50))}`, () => {
    const bytes = Buffer.from(input, 'latin1')
    const whole = responseTranscript([bytes], methods)
    assert.equal(whole.error, undefined)
    for (const chunks of everySplit(bytes)) assert.deepEqual(responseTranscript(chunks, methods), whole)
  })
}

test('a response to HEAD has no body and keeps its length field and its connection', () => {
  const { steps } = responseTranscript([Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n')], ['HEAD'])
  const head = { status: 200, fields: ['content-length', '9'], bodyLength: 0 }
  assert.deepEqual(steps, [{ head, isEnd: true, keepAlive: true, isRaw: false }])
})

/** A length, and whether a response with this status keeps it: RFC 9110 §8.6 forbids it where there is never a body. */
const LENGTHS: readonly (readonly [string, boolean])[] = [
  ['200', true],
  ['204', false],
  ['304', true],
]
for (const [status, isKept] of LENGTHS) {
  test(`the length field of a response with ${status} is ${isKept ? 'passed on' : 'left out'}`, () => {
    const input = `HTTP/1.1 ${status} X\r\nserver: s\r\ncontent-length: 7\r\n\r\n`
    const [step] = responseTranscript([Buffer.from(input)], ['GET']).steps as { head: { fields: string[] } }[]
    assert.deepEqual(step?.head.fields, ['server', 's', ...(isKept ? ['content-length', '7'] : [])])
  })
}

test('after 101 to an upgrade the octets are given as they are', () => {
  const input = Buffer.from('HTTP/1.1 101 Up\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n\x00\x01raw')
  const { steps } = responseTranscript([input], ['GET'], true)
  const head = { status: 101, fields: [], bodyLength: -1 }
  assert.deepEqual(steps, [{ head, isEnd: false, keepAlive: false, isRaw: true }, { body: '\x00\x01raw' }])
})

const BAD: readonly (readonly [string, string])[] = [
  ['both framings', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n'],
  ['a length that is no number', 'HTTP/1.1 200 OK\r\ncontent-length: 1,1\r\n\r\n'],
  ['an unknown coding', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n'],
  ['a coding in HTTP/1.0', 'HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'],
  ['folding', 'HTTP/1.1 200 OK\r\nx: 1\r\n 2\r\n\r\n'],
  ['space before a colon', 'HTTP/1.1 200 OK\r\nx : 1\r\n\r\n'],
  ['bare LF', 'HTTP/1.1 200 OK\ncontent-length: 0\r\n\r\n'],
  ['another protocol', 'SSH-2.0-OpenSSH_9\r\n\r\n'],
  ['HTTP/2', 'HTTP/2.0 200 OK\r\n\r\n'],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
  ['a status past 599', 'HTTP/1.1 600 OK\r\n\r\n'],
  ['a status with a letter', 'HTTP/1.1 2x0 OK\r\n\r\n'],
  ['101 that nobody asked for', 'HTTP/1.1 101 Up\r\n\r\n'],
  ['a flood of interim responses', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(9)],
  ['a chunk size with a space', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n'],
]

for (const [name, input] of BAD) {
  test(`a response is a protocol error, however it is cut: ${name}`, () => {
    const bytes = Buffer.from(input, 'latin1')
    assert.equal(responseTranscript([bytes]).error, 'protocol-error')
    for (const chunks of everySplit(bytes)) assert.equal(responseTranscript(chunks).error, 'protocol-error')
  })
}
