import { request as httpRequest } from 'node:http'
import { GrpcFrames, grpcFrame } from '../grpc-frames.ts'
import { PARCEL_FIELD } from '../http1-application.ts'
import { piecesOf, toWord, upOctets } from '../parcel.ts'
import { broken, type Caller, expecting, patiently } from './caller.ts'

const TRAILERS_FLAG = 0x80

/** A caller of gRPC-Web over HTTP/1.1, binary: the trailers are the last frame of the body. */
export const grpcWebCaller: Caller = ({ port, parcel }) =>
  patiently((resolve) => {
    const receipt = expecting(parcel)
    const body = Buffer.concat(piecesOf(upOctets(parcel), 2).map((message) => grpcFrame(message)))
    const headers = {
      host: 'parcels',
      connection: 'close',
      'content-type': 'application/grpc-web+proto',
      'content-length': body.length,
      [PARCEL_FIELD]: toWord(parcel),
    }
    const call = httpRequest({ host: '127.0.0.1', port, method: 'POST', path: '/p.P/S', headers, agent: false })
    call.on('error', (error) => resolve(broken(error)))
    call.on('response', (response) => {
      let status = String(response.headers['grpc-status'] ?? '')
      const frames = new GrpcFrames((message, flag) => {
        if (flag === TRAILERS_FLAG) status = /grpc-status:\s*(\d+)/.exec(message.toString('latin1'))?.[1] ?? ''
        else receipt.take(message)
      })
      response.on('data', (chunk: Buffer) => frames.push(chunk))
      const end = (how: 'whole' | 'broken'): void => {
        receipt.end(how)
        const detail = `${response.statusCode}, grpc-status ${status}`
        // an end without a status, or in the middle of a frame, is one that was passed on as whole and is not
        const isRefused = how === 'whole' && (response.statusCode !== 200 || (status !== '0' && status !== ''))
        resolve(isRefused ? { kind: 'refused', detail } : { kind: 'served', receipt, detail })
      }
      response.on('error', () => end('broken'))
      response.on('end', () => end(response.complete ? 'whole' : 'broken'))
    })
    call.end(body)
    return () => call.destroy()
  })
