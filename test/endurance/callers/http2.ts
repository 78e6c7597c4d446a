import { connect, type IncomingHttpHeaders } from 'node:http2'
import { sumOf } from '../check-sum.ts'
import { PARCEL_FIELD } from '../http1-application.ts'
import { downOctets, piecesOf, toWord, upOctets } from '../parcel.ts'
import { broken, type Caller, expecting, patiently } from './caller.ts'

interface Http2Manner {
  readonly method: 'GET' | 'POST'
  readonly hasLength?: boolean
  readonly hasTrailers?: boolean
}

/** A caller by node:http2 with prior knowledge, on a connection of its own. */
export const http2Caller =
  ({ method, hasLength = false, hasTrailers = false }: Http2Manner): Caller =>
  ({ port, parcel }) =>
    patiently((resolve) => {
      const octets = upOctets(parcel)
      const receipt = expecting(parcel)
      const session = connect(`http://127.0.0.1:${port}`)
      const done: typeof resolve = (outcome) => {
        resolve(outcome)
        session.destroy()
      }
      session.on('error', (error) => done(broken(error)))
      const headers: Record<string, string> = { ':method': method, ':path': '/', [PARCEL_FIELD]: toWord(parcel) }
      if (hasLength) headers['content-length'] = String(octets.length)
      const stream = session.request(headers, { endStream: method === 'GET', waitForTrailers: hasTrailers })
      let response: IncomingHttpHeaders = {}
      let trailers: IncomingHttpHeaders = {}
      let isEnded = false
      const isOurs = (): boolean => response[PARCEL_FIELD] === String(parcel.id)
      stream.on('error', () => undefined)
      stream.on('response', (heads) => {
        response = heads
      })
      stream.on('trailers', (heads) => {
        trailers = heads
      })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': String(octets.length) }))
      stream.on('data', (chunk: Buffer) => receipt.take(chunk))
      stream.on('end', () => {
        isEnded = !stream.aborted && stream.rstCode === 0 && !session.destroyed
        // an answer before the request is complete, and RST_STREAM(NO_ERROR): node:http2 goes on waiting for window
        if (isEnded && !isOurs()) done({ kind: 'refused', detail: `${response[':status']}` })
      })
      stream.on('close', () => {
        const hasSum = parcel.form !== 'trailers' || trailers['x-sum'] === sumOf(downOctets(parcel))
        receipt.end(isEnded && stream.rstCode === 0 && hasSum ? 'whole' : 'broken')
        const detail = `${response[':status']} rst=${stream.rstCode} ${response['x-outrigger-error'] ?? ''}`
        if (isOurs()) done({ kind: 'served', receipt, detail })
        else done({ kind: response[':status'] === undefined ? 'broken' : 'refused', detail })
      })
      if (method === 'POST') {
        for (const piece of piecesOf(octets, 3)) if (piece.length > 0) stream.write(piece)
        stream.end()
      }
      return () => session.destroy()
    })
