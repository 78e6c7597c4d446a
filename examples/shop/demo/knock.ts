import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'

const PROBE_TIMEOUT_MS = 2_000
const REQUEST = 'GET / HTTP/1.1\r\nHost: orders\r\nConnection: close\r\n\r\n'

/** What a mesh port answers to plain HTTP; '' when it says nothing or hangs up. A TLS alert is no answer either. */
export function answerInTheClear(port: number): Promise<string> {
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect({ host: '127.0.0.1', port, timeout: PROBE_TIMEOUT_MS }, () => socket.write(REQUEST))
    const done = (): void => {
      socket.destroy()
      resolve(answer.startsWith('HTTP/') ? answer : '')
    }
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1')
    })
    socket.on('close', done).on('error', done).on('timeout', done)
  })
}

/** What a mesh port answers to a TLS client that has no certificate; '' when it refuses. */
export function answerWithoutCertificate(port: number, version: 'TLSv1.2' | 'TLSv1.3'): Promise<string> {
  return new Promise((resolve) => {
    let answer = ''
    // Whether the server lets a stranger in is the question, so who the server is does not matter.
    const options = { host: '127.0.0.1', port, minVersion: version, maxVersion: version, rejectUnauthorized: false }
    const socket = connectTls({ ...options, ALPNProtocols: ['h2', 'http/1.1'] }, () => {
      // In TLS 1.3 a client is ready before the server has judged it; in 1.2, being ready means to be let in.
      if (version === 'TLSv1.2') answer += 'handshake'
      socket.write(REQUEST)
    })
    const done = (): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(PROBE_TIMEOUT_MS)
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1')
    })
    socket.on('close', done).on('error', done).on('timeout', done)
  })
}
