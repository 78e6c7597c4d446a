import { Socket } from 'node:net'
import { inOneMoment } from '../core/clock.ts'
import { isMuchUnsent } from '../http2/stream/held-memory.ts'

/** What is read from any socket stands here until the next read: it is consumed or copied within the callback. */
const BUFFER_BYTES = 64 * 1024

/**
 * One buffer for the reads of all sockets, those of TLS included. Saves an allocation of 64 KiB, and the stream machinery,
 * for each read: 3 to 6 % of a proxied request, and in bulk a third of the memory. `net.connect` has a public option for
 * it; accepted sockets have not, so there the same private fields are set that the option sets, when this Node has them
 * as expected. Nothing is read within a callback: writes wait for the end of the turn.
 */
export const readBuffer: Buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)

/** Most of what an answer's first read brings: heads and small bodies fit. */
const FIRST_READ_BYTES = 8 * 1024
const firstReadBuffer = readBuffer.subarray(0, FIRST_READ_BYTES)

const onreadSymbols = findOnreadSymbols()

/** Whether accepted sockets read into the shared buffer on this Node; else by 'data' events. */
export const canShareReads: boolean = onreadSymbols !== undefined

/**
 * Has `receive` called with what an accepted socket reads: the first `length` octets of `chunk`, borrowed for the call.
 * The socket may be paused; the caller resumes it. Who received before hears nothing more.
 */
export function receiveFrom(socket: Socket, receive: (chunk: Buffer, length: number) => void): void {
  if (shareReads(socket, receive)) return
  socket.removeAllListeners('data')
  socket.on('data', (chunk: Buffer) => inOneMoment(receive, chunk, chunk.length))
}

/** The option `onread` of a socket that we connect, for what `receiveFrom` does on accepted ones. */
const sharedRead = (receive: (chunk: Buffer, length: number) => void) => ({
  buffer: readBuffer,
  callback: (length: number): boolean => {
    inOneMoment(receive, readBuffer, length)
    return true
  },
})

/**
 * The same for a peer that speaks when it was asked: the first read of each answer is short, so that of a thousand answers
 * that come at once while nobody takes them a thousand times so much is held, and no more; what follows comes in full reads, while not much waits in all.
 * @param isMidBody whether what is read next belongs to an answer of which something was read
 */
export const sharedAnswerRead = (receive: (chunk: Buffer, length: number) => void, isMidBody: () => boolean) => {
  let buffer = firstReadBuffer
  return {
    buffer: (): Buffer => {
      buffer = isMidBody() && !isMuchUnsent() ? readBuffer : firstReadBuffer
      return buffer
    },
    callback: (length: number): boolean => {
      inOneMoment(receive, buffer, length)
      return true
    },
  }
}

type Handle = { useUserBuffer?: (buffer: Buffer) => void }

function shareReads(socket: Socket, receive: (chunk: Buffer, length: number) => void): boolean {
  if (onreadSymbols === undefined || !(socket instanceof Socket) || socket.readableLength > 0) return false // a test's stand-in, or one that was read from
  const handle = Reflect.get(socket, '_handle') as Handle | null | undefined
  if (typeof handle?.useUserBuffer !== 'function') return false
  const [bufferField, callbackField] = onreadSymbols
  const { buffer, callback } = sharedRead(receive)
  Reflect.set(socket, bufferField, buffer)
  Reflect.set(socket, callbackField, callback)
  handle.useUserBuffer(buffer)
  return true
}

/** The private fields in which the option is kept, recognised by a socket that was given the option. */
function findOnreadSymbols(): readonly [symbol, symbol] | undefined {
  const callback = (): boolean => true
  const probe = new Socket({ onread: { buffer: readBuffer, callback } } as ConstructorParameters<typeof Socket>[0])
  const fields = Object.getOwnPropertySymbols(probe)
  const bufferField = fields.find((field) => Reflect.get(probe, field) === readBuffer)
  const callbackField = fields.find((field) => Reflect.get(probe, field) === callback)
  return bufferField === undefined || callbackField === undefined ? undefined : [bufferField, callbackField]
}
