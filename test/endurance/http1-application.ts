import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import { sumOf } from './check-sum.ts'
import type { Ledger } from './ledger.ts'
import { downOctets, fromWord, type Parcel, piecesOf } from './parcel.ts'

/** The word of a parcel travels in this field. */
export const PARCEL_FIELD = 'x-parcel'

type Answer = (parcel: Parcel, response: ServerResponse) => void

/** How responses end, by the form of their parcel. */
const ANSWERS: Readonly<Record<string, Answer>> = {
  length: (parcel, response) => {
    response.setHeader('content-length', parcel.downBytes)
    writePieces(parcel, response)
  },
  chunks: writePieces,
  trailers: (parcel, response) => {
    response.setHeader('trailer', 'x-sum')
    response.addTrailers({ 'x-sum': sumOf(downOctets(parcel)) })
    writePieces(parcel, response)
  },
  close: (parcel, response) => {
    const socket = response.socket
    if (socket === null) return
    socket.write(`HTTP/1.1 200 OK\r\n${PARCEL_FIELD}: ${parcel.id}\r\nconnection: close\r\n\r\n`)
    for (const piece of piecesOf(downOctets(parcel), 3)) socket.write(piece)
    socket.end()
  },
  nocontent: (_parcel, response) => void response.writeHead(204).end(),
  notmodified: (_parcel, response) => void response.writeHead(304, { etag: '"1"' }).end(),
}

function writePieces(parcel: Parcel, response: ServerResponse): void {
  for (const piece of piecesOf(downOctets(parcel), 3)) if (piece.length > 0) response.write(piece)
  response.end()
}

/** An application of HTTP/1.1 and WebSockets. It takes a whole request, as its library tells it, before it answers. */
export async function startHttp1Application(ledger: Ledger): Promise<{ port: number; server: Server }> {
  const server = createServer({ noDelay: true, keepAliveTimeout: 60_000 }, (request, response) =>
    onRequest(ledger, request, response),
  )
  const sockets = new WebSocketServer({ server, perMessageDeflate: false })
  sockets.on('connection', (socket: WebSocket, request: IncomingMessage) => onWebSocket(ledger, socket, request))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, server }
}

const parcelOf = (request: IncomingMessage): Parcel | undefined => fromWord(String(request.headers[PARCEL_FIELD] ?? ''))

function onRequest(ledger: Ledger, request: IncomingMessage, response: ServerResponse): void {
  const parcel = parcelOf(request)
  if (parcel === undefined) return void response.writeHead(400).end('no parcel')
  const receipt = ledger.begin(parcel)
  const isSummed = request.headers['trailer'] !== undefined
  request.on('data', (chunk: Buffer) => receipt.take(chunk))
  request.on('error', () => receipt.end('broken'))
  response.on('error', () => undefined)
  request.on('close', () => receipt.end('broken'))
  request.on('end', () => {
    const hasSum = !isSummed || request.trailers['x-sum'] === String(receipt.receivedBytes)
    receipt.end(request.complete && hasSum ? 'whole' : 'broken')
    response.setHeader(PARCEL_FIELD, parcel.id)
    ANSWERS[parcel.form]?.(parcel, response)
  })
}

/** Three messages up, then three down, and the closing handshake. */
function onWebSocket(ledger: Ledger, socket: WebSocket, request: IncomingMessage): void {
  const parcel = parcelOf(request)
  if (parcel === undefined) return socket.close(1008)
  const receipt = ledger.begin(parcel)
  let messageCount = 0
  socket.on('error', () => receipt.end('broken'))
  socket.on('close', () => receipt.end('broken'))
  socket.on('message', (data: Buffer) => {
    receipt.take(data)
    if (++messageCount < 3) return
    receipt.end('whole')
    for (const piece of piecesOf(downOctets(parcel), 3)) socket.send(piece)
    socket.close(1000)
  })
}
