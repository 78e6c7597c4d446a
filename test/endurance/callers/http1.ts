import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { sumOf } from '../check-sum.ts'
import { PARCEL_FIELD } from '../http1-application.ts'
import { downOctets, piecesOf, toWord, upOctets } from '../parcel.ts'
import { broken, type Caller, expecting, type Outcome, patiently } from './caller.ts'

interface Http1Manner {
  readonly method: 'GET' | 'HEAD' | 'POST'
  /** How the request's body is framed. */
  readonly body?: 'length' | 'chunks' | 'trailers'
}

/** A caller by node:http, on a connection of its own. */
export const http1Caller =
  ({ method, body }: Http1Manner): Caller =>
  ({ port, parcel }) =>
    patiently((resolve) => {
      const octets = upOctets(parcel)
      const headers: Record<string, string> = { host: 'parcels', [PARCEL_FIELD]: toWord(parcel), te: 'trailers' }
      if (body === 'length') headers['content-length'] = String(octets.length)
      else if (body !== undefined) headers['transfer-encoding'] = 'chunked'
      if (body === 'trailers') headers['trailer'] = 'x-sum'
      headers['connection'] = 'close, te'
      const call = httpRequest({ host: '127.0.0.1', port, method, headers, agent: false })
      call.on('error', (error) => resolve(broken(error)))
      call.on('response', (response) => readResponse(response, { parcel, hasBody: method !== 'HEAD' }, resolve))
      if (body !== undefined) for (const piece of piecesOf(octets, 3)) if (piece.length > 0) call.write(piece)
      if (body === 'trailers') call.addTrailers({ 'x-sum': String(octets.length) })
      call.end()
      return () => call.destroy()
    })

/** An answer is the application's when it carries the parcel's number. */
function readResponse(
  response: IncomingMessage,
  { parcel, hasBody }: { readonly parcel: Parameters<Caller>[0]['parcel']; readonly hasBody: boolean },
  resolve: (outcome: Outcome) => void,
): void {
  const isOurs = response.headers[PARCEL_FIELD] === String(parcel.id)
  const isBodiless = !hasBody || response.statusCode === 204 || response.statusCode === 304
  const receipt = isBodiless ? expecting({ ...parcel, downBytes: 0 }) : expecting(parcel)
  const detail = `${response.statusCode} ${response.headers['x-outrigger-error'] ?? ''}`
  response.on('data', (chunk: Buffer) => receipt.take(chunk))
  const end = (how: 'whole' | 'broken'): void => {
    receipt.end(how)
    resolve(isOurs ? { kind: 'served', receipt, detail } : { kind: 'refused', detail })
  }
  response.on('error', () => end('broken'))
  response.on('end', () => {
    const wantsSum = parcel.form === 'trailers' && hasBody
    const hasSum = !wantsSum || response.trailers['x-sum'] === sumOf(downOctets(parcel))
    end(response.complete && hasSum ? 'whole' : 'broken')
  })
}

/** A caller of HTTP/1.0: the answer's end is the connection's. */
export const http10Caller: Caller = ({ port, parcel }) =>
  patiently((resolve) => {
    const receipt = expecting(parcel)
    const socket = connect({ port, host: '127.0.0.1' })
    let head = ''
    let status = 0
    const hasHead = (): boolean => status !== 0
    socket.write(`GET / HTTP/1.0\r\nhost: parcels\r\n${PARCEL_FIELD}: ${toWord(parcel)}\r\n\r\n`)
    const end = (how: 'whole' | 'broken', why: string): void => {
      receipt.end(how)
      if (!hasHead()) resolve({ kind: 'broken', detail: why })
      else if (status !== 200) resolve({ kind: 'refused', detail: String(status) })
      else resolve({ kind: 'served', receipt, detail: `${status} ${why}` })
    }
    socket.on('data', (chunk: Buffer) => {
      if (hasHead()) return receipt.take(chunk)
      head += chunk.toString('latin1')
      const at = head.indexOf('\r\n\r\n')
      if (at < 0) return
      status = Number(/^HTTP\/1\.[01] (\d{3}) /.exec(head)?.[1] ?? 0)
      if (status === 200) receipt.take(Buffer.from(head.slice(at + 4), 'latin1'))
    })
    socket.on('end', () => end('whole', 'end'))
    socket.on('error', (error: NodeJS.ErrnoException) => end('broken', error.code ?? error.message))
    socket.on('close', () => end('broken', 'close'))
    return () => socket.destroy()
  })
