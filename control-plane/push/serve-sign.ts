import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { Result } from '../../certs/result.ts'
import { SignRequest } from '../../sidecar/config/watch-protocol.ts'
import type { Clock } from '../../sidecar/core/clock.ts'
import { LIMITS } from '../../sidecar/core/limits.ts'
import { parserOf, toLine } from '../../sidecar/core/schema.ts'
import type { SignCredential, Signing } from '../authority/signing.ts'
import type { PeerIdentity } from './push-hub.ts'
import { refuse } from './refuse.ts'

const MAX_BODY_BYTES = 32 * 1024
const WHERE = '/v1/sign'
const STATUS = { denied: 401, invalid: 400, unavailable: 503 } as const
const signParser = parserOf(SignRequest)

/** Answers `POST /v1/sign`: a join token decides, if there is one; else the certificate of the connection. */
export function serveSign(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  peer: Result<PeerIdentity, string>,
  deps: { readonly clock: Clock; readonly signing: Signing },
): void {
  const credential = credentialOf(headers, peer)
  if (credential === undefined) {
    const what = `no identity: ${peer.ok ? '' : peer.error}`
    const allowed = 'a join token (authorization: Bearer …) or a client certificate'
    refuse(stream, 401, { what, where: WHERE, allowed })
    return
  }
  const chunks: Buffer[] = []
  let bytes = 0
  const timer = deps.clock.after(LIMITS.headTimeoutMs, () =>
    refuse(stream, 408, {
      what: 'the request did not arrive in time',
      where: WHERE,
      allowed: `${LIMITS.headTimeoutMs} ms`,
    }),
  )
  stream.once('close', () => timer.cancel())
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk)
    else refuse(stream, 413, { what: 'the body is too large', where: WHERE, allowed: `${MAX_BODY_BYTES} bytes` })
  })
  stream.on('end', () => {
    timer.cancel()
    if (bytes <= MAX_BODY_BYTES) void answer(stream, Buffer.concat(chunks), credential, deps.signing)
  })
}

function credentialOf(headers: IncomingHttpHeaders, peer: Result<PeerIdentity, string>): SignCredential | undefined {
  const token = /^Bearer ([\x21-\x7e]{1,4096})$/i.exec(headers.authorization ?? '')?.[1]
  if (token !== undefined) return { kind: 'token', token }
  return peer.ok ? { kind: 'certificate', peer: peer.value } : undefined
}

async function answer(
  stream: ServerHttp2Stream,
  body: Buffer,
  credential: SignCredential,
  signing: Signing,
): Promise<void> {
  const request = parseBody(body)
  if (typeof request === 'string')
    return refuse(stream, 400, { what: request, where: WHERE, allowed: '{csrPem, identity}' })
  const signed = await signing.sign(request, credential)
  if (!signed.ok) {
    const allowed = 'an identity that the token or certificate stands for, and a request signed by its key'
    return refuse(stream, STATUS[signed.error.kind], { what: signed.error.detail, where: WHERE, allowed })
  }
  if (stream.closed || stream.destroyed || stream.headersSent) return
  stream.respond({ ':status': 200, 'content-type': 'application/json' })
  stream.end(`${JSON.stringify(signed.value)}\n`)
}

function parseBody(body: Buffer): SignRequest | string {
  let value: unknown
  try {
    value = JSON.parse(body.toString('utf8'))
  } catch {
    return 'the body is not JSON'
  }
  const parsed = signParser.parse(value)
  return parsed.ok ? parsed.value : parsed.error.map(toLine).join('; ')
}
