import * as grpc from '@grpc/grpc-js'
import { sumOf } from '../check-sum.ts'
import { PARCEL_FIELD } from '../http1-application.ts'
import { downOctets, piecesOf, toWord, upOctets } from '../parcel.ts'
import { type Caller, expecting, patiently } from './caller.ts'

const octets = { serialize: (value: Buffer) => value, deserialize: (value: Buffer) => value }
const CHANNEL = {
  'grpc.enable_retries': 0,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.max_receive_message_length': -1,
  'grpc.initial_reconnect_backoff_ms': 30_000,
}

/** How many messages go up; the application answers `unary` with one and everything else with four. */
const MESSAGE_COUNTS: Readonly<Record<string, number>> = { unary: 1, server: 1, client: 4, talk: 4 }

/** A caller by grpc-js. All four kinds of calls are the same to it: a stream of messages, an answer's, a status. */
export const grpcCaller: Caller = ({ port, parcel }) =>
  patiently((resolve) => {
    const receipt = expecting(parcel)
    const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), CHANNEL)
    const metadata = new grpc.Metadata()
    metadata.set(PARCEL_FIELD, toWord(parcel))
    const call = client.makeBidiStreamRequest('/parcels.Parcels/Send', octets.serialize, octets.deserialize, metadata)
    call.on('data', (message: Buffer) => receipt.take(message))
    call.on('error', () => undefined)
    call.on('status', ({ code, details, metadata: trailers }: grpc.StatusObject) => {
      client.close()
      if (code !== grpc.status.OK) return resolve({ kind: 'refused', detail: `${code} ${details}` })
      receipt.end(trailers.get('x-sum')[0] === sumOf(downOctets(parcel)) ? 'whole' : 'broken')
      resolve({ kind: 'served', receipt, detail: 'OK' })
    })
    for (const message of piecesOf(upOctets(parcel), MESSAGE_COUNTS[parcel.form] ?? 1)) call.write(message)
    call.end()
    return () => {
      call.cancel()
      client.close()
    }
  })
