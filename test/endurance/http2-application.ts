import { once } from 'node:events'
import { createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { sumOf } from './check-sum.ts'
import { GrpcFrames, grpcFrame } from './grpc-frames.ts'
import { PARCEL_FIELD } from './http1-application.ts'
import type { Ledger } from './ledger.ts'
import { downOctets, fromWord, type Parcel, piecesOf } from './parcel.ts'
import type { Receipt } from './receipt.ts'

/** An application of HTTP/2 with prior knowledge, and of gRPC: which of them, the request's content type says. */
export async function startHttp2Application(ledger: Ledger): Promise<{ port: number; server: Http2Server }> {
  const server = createServer()
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => undefined)
    const parcel = fromWord(String(headers[PARCEL_FIELD] ?? ''))
    if (parcel === undefined) return stream.respond({ ':status': 400 }, { endStream: true })
    const receipt = ledger.begin(parcel)
    const isGrpc = headers['content-type']?.startsWith('application/grpc') === true
    if (isGrpc) serveGrpc(stream, parcel, receipt)
    else servePlain(stream, parcel, receipt)
  })
  server.on('sessionError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, server }
}

/** Calls `onWhole` when the caller's side of the stream has ended as it should; node:http2 says 'end' after a reset, too. */
function whenWhole(stream: ServerHttp2Stream, receipt: Receipt, onWhole: () => void): void {
  stream.on('aborted', () => receipt.end('broken'))
  stream.on('close', () => receipt.end('broken'))
  stream.on('end', () => {
    if (stream.aborted || stream.destroyed || stream.rstCode !== 0) return receipt.end('broken')
    receipt.end('whole')
    onWhole()
  })
}

function servePlain(stream: ServerHttp2Stream, parcel: Parcel, receipt: Receipt): void {
  stream.on('data', (chunk: Buffer) => receipt.take(chunk))
  whenWhole(stream, receipt, () => {
    const octets = downOctets(parcel)
    const headers = { ':status': 200, [PARCEL_FIELD]: String(parcel.id) }
    const hasTrailers = parcel.form === 'trailers'
    stream.respond(parcel.form === 'length' ? { ...headers, 'content-length': parcel.downBytes } : headers, {
      waitForTrailers: hasTrailers,
    })
    if (hasTrailers) stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': sumOf(octets) }))
    for (const piece of piecesOf(octets, 3)) stream.write(piece)
    stream.end()
  })
}

/** `talk` is answered while it is asked: one message for each; everything else behind the last message. */
function serveGrpc(stream: ServerHttp2Stream, parcel: Parcel, receipt: Receipt): void {
  const answers = piecesOf(downOctets(parcel), parcel.form === 'unary' ? 1 : 4)
  let answeredCount = 0
  const begin = (): void => {
    if (stream.headersSent || stream.destroyed) return
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'x-sum': sumOf(downOctets(parcel)) }))
  }
  const answerOne = (): void => {
    const message = answers[answeredCount++]
    if (message !== undefined && !stream.destroyed) stream.write(grpcFrame(message))
  }
  const frames = new GrpcFrames((message) => {
    receipt.take(message)
    if (parcel.form !== 'talk') return
    begin()
    answerOne()
  })
  stream.on('data', (chunk: Buffer) => frames.push(chunk))
  whenWhole(stream, receipt, () => {
    begin()
    while (answeredCount < answers.length) answerOne()
    stream.end()
  })
}
