import assert from 'node:assert/strict'
import { readServerName } from '../../../sidecar/capture/client-hello.ts'
import { spokenFirst, spokenOfHttp } from '../../../sidecar/connection/spoken.ts'
import { CLIENT_PREFACE } from '../../../sidecar/http2/frame/frame-type.ts'
import { requestTranscript } from '../../sidecar/http1/transcript.ts'
import { type FuzzTarget, octets } from '../fuzz-target.ts'
import { HTTP1_WORDS } from '../messages/http1-requests.ts'
import { prefixLengths } from './client-hello.ts'

/** Protocol detection: each answer but `more` is final, and what is a request of HTTP/1 is never carried as something else. */
export const spoken: FuzzTarget = {
  name: 'spoken',
  seeds: [
    octets('GET / HTTP/1.1\r\nhost: a\r\n\r\n'),
    octets('\r\nGET / HTTP/1.0\r\n\r\n'),
    CLIENT_PREFACE,
    octets('\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00'),
    octets('PING\r\n'),
    octets('\x00\x03\x00\x00user\x00x\x00'),
    octets('SSH-2.0-x\r\n'),
    octets('get key\r\n'),
    octets('\xff\xfeGET / HTTP/1.1\r\nhost: a\r\n\r\n'),
  ],
  words: [...HTTP1_WORDS, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '\x16\x03\x01', 'http/1', 'HTTP/'],
  maxBytes: 18_000,
  check(input) {
    const whole = spokenFirst(input)
    const wholeHttp = spokenOfHttp(input)
    for (const length of prefixLengths(input)) {
      const prefix = input.subarray(0, length)
      const part = spokenFirst(prefix)
      assert(part === 'more' || part === whole, `${length} octets are ${part}, all of them ${whole}`)
      const http = spokenOfHttp(prefix)
      assert(http === 'more' || http === wholeHttp, `of HTTP, ${length} octets are ${http}, all of them ${wholeHttp}`)
    }
    const isRequest = requestTranscript([input]).steps.length > 0
    if (isRequest) assert.equal(whole, 'http1', 'a request of HTTP/1')
    const name = readServerName(input)
    if (name.ok && name.value !== undefined && (input[2] ?? 0) <= 4 && input.readUInt16BE(3) > 0)
      assert.equal(whole, 'tls', 'a ClientHello')
    return `${whole} ${wholeHttp} ${isRequest}`
  },
}
