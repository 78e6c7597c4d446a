import { connect } from 'node:net'
import { toWord, upOctets } from '../parcel.ts'
import { type Caller, expecting, patiently } from './caller.ts'

/** A caller on a bare socket: its octets and an end; the answer ends with the connection. */
export const tcpCaller: Caller = ({ port, parcel }) =>
  patiently((resolve) => {
    const receipt = expecting(parcel)
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    const end = (how: 'whole' | 'broken', detail: string): void => {
      receipt.end(how)
      resolve({ kind: 'served', receipt, detail })
    }
    socket.on('data', (chunk: Buffer) => receipt.take(chunk))
    socket.on('end', () => {
      end('whole', 'end')
      socket.destroy()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => end('broken', error.code ?? error.message))
    socket.on('close', () => end('broken', 'close'))
    socket.write(`${toWord(parcel)}\n`)
    socket.end(upOctets(parcel))
    return () => socket.destroy()
  })
