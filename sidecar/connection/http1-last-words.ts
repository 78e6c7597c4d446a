import type { Socket } from 'node:net'
import { LIMITS } from '../core/limits.ts'
import type { MeshError } from '../core/mesh-errors.ts'
import { NO_FIELDS } from '../http/head.ts'
import { localResponse } from '../http/local-response.ts'
import { responseHeadText } from '../http1/write-response.ts'
import type { Http1ServerTimer } from './http1-server-timer.ts'
import type { SocketWriter } from './socket-writer.ts'

/** How long a peer may go on sending after our last word: closing at once would reset what it has not read. */
const LINGER_MS = 1_000

/** The end of a server connection: what waits is written, and what still comes is read over for a moment. */
export class Http1LastWords {
  readonly #socket: Socket
  readonly #timer: Http1ServerTimer
  #count = 0

  constructor(socket: Socket, timer: Http1ServerTimer) {
    this.#socket = socket
    this.#timer = timer
  }

  /** Says the end. */
  begin(writer: SocketWriter): void {
    writer.end()
    this.#socket.resume()
    this.#timer.set('linger', LINGER_MS)
  }

  /** A moment passed. A peer that reads slowly is given as long as an idle one. */
  goOn(): void {
    const isWritten = this.#socket.writableFinished
    if (isWritten || ++this.#count * LINGER_MS >= LIMITS.idleConnectionMs) this.#socket.destroy()
    else this.#timer.set('linger', LINGER_MS)
  }
}

/** Writes the answer to what was no request: the last one of its connection. */
export function writeRefusal(writer: SocketWriter, error: MeshError): void {
  const { head, body } = localResponse(error, NO_FIELDS)
  writer.text(responseHeadText(head, false, 'length', 'close'))
  writer.bytes(body)
}
