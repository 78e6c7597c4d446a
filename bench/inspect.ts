import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { connect, type TLSSocket } from 'node:tls'
import { askHttp } from './ask.ts'
import type { KeyPairFiles, TlsFiles } from './certificates.ts'
import type { ContestantKind, Pair, Wire } from './contestant.ts'
import { HOST } from './host.ts'
import { ruleName } from './manifests.ts'

/** Long enough for a server to say anything, were it to. */
const SILENCE_MS = 500
const TIMEOUT_MS = 5_000
/** RFC 9113 §3.4: the preface, and an empty SETTINGS frame. */
const HTTP2_PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'
const REQUEST = `GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`

/**
 * Looks whether a pair is what it is said to be: HTTP/2 in the middle where that is said, nothing for callers without a
 * certificate or with one of another authority, and a refusal from the authorization rules. Rejects with what is wrong.
 */
export async function inspect(kind: ContestantKind, wire: Wire, pair: Pair, tls: TlsFiles): Promise<void> {
  const isHttp = wire !== 'tcp'
  if (isHttp) {
    const chosen = await chosenProtocol(pair.meshPort)
    if (kind.between === 'HTTP/2') assert.equal(chosen, 'h2', 'HTTP/2 is not spoken in the middle')
    else assert.notEqual(chosen, 'h2', 'HTTP/2 is spoken in the middle')
  }
  const said = !isHttp ? '' : kind.between === 'HTTP/2' ? HTTP2_PREFACE : REQUEST
  for (const [who, files] of [
    ['no certificate', undefined],
    ['a certificate of another authority', tls.stranger],
  ] as const) {
    const answer = await answerTo(pair.meshPort, isHttp && kind.between === 'HTTP/2', said, files)
    assert.match(answer, /^(?:HTTP\/1\.1 4\d\d .*)?$/s, `a caller with ${who} is served`)
  }
  if (!kind.authorizes || wire !== 'http') return
  const { status } = await askHttp(pair.frontPort, 'DELETE', `/${ruleName(3)}`)
  assert.equal(status, 403, 'a rule does not refuse what it names')
  assert.equal((await askHttp(pair.frontPort, 'DELETE', '/')).status, 200, 'a rule refuses what it does not name')
}

/** What a server chooses where both versions are offered; with TLS 1.3 it says so before it sees who calls. */
function chosenProtocol(port: number): Promise<string | false> {
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connect(
      { port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2', 'http/1.1'], timeout: TIMEOUT_MS },
      () => {
        resolve(socket.alpnProtocol ?? false)
        socket.destroy()
      },
    )
    socket.on('error', reject).on('timeout', () => socket.destroy(new Error('no handshake in time')))
  })
}

/** What a server says to a caller before it closes, or within half a second. */
function answerTo(port: number, isHttp2: boolean, said: string, files: KeyPairFiles | undefined): Promise<string> {
  return new Promise((resolve) => {
    const own = files === undefined ? {} : { cert: readFileSync(files.certFile), key: readFileSync(files.keyFile) }
    const socket = connect({
      ...{ port, host: '127.0.0.1', rejectUnauthorized: false, ...own },
      ...(isHttp2 ? { ALPNProtocols: ['h2'] } : {}),
    })
    let answer = ''
    const timer = setTimeout(() => socket.destroy(), SILENCE_MS)
    socket.on('secureConnect', () => socket.write(said, 'latin1'))
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1')
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(answer)
    })
  })
}
