import { WebSocket } from 'ws'
import { PARCEL_FIELD } from '../http1-application.ts'
import { piecesOf, toWord, upOctets } from '../parcel.ts'
import { type Caller, expecting, patiently } from './caller.ts'

/** A caller by ws: three messages there, three back, and the closing handshake, without which nothing is whole. */
export const webSocketCaller: Caller = ({ port, parcel }) =>
  patiently((resolve) => {
    const receipt = expecting(parcel)
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, {
      headers: { host: 'parcels', [PARCEL_FIELD]: toWord(parcel) },
      perMessageDeflate: false,
    })
    let isOpen = false
    let why = ''
    socket.on('open', () => {
      isOpen = true
      for (const piece of piecesOf(upOctets(parcel), 3)) socket.send(piece)
    })
    socket.on('message', (data: Buffer) => receipt.take(data))
    socket.on('error', (error) => {
      why = error.message
    })
    socket.on('close', (code) => {
      receipt.end(code === 1000 ? 'whole' : 'broken')
      if (isOpen) resolve({ kind: 'served', receipt, detail: `${code} ${why}` })
      else resolve({ kind: 'broken', detail: `${code} ${why}` })
    })
    return () => socket.terminate()
  })
