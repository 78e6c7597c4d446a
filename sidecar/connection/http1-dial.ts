import { type MeshError, meshError } from '../core/mesh-errors.ts'
import type { TimerWheel } from '../core/timer-wheel.ts'
import { type Http1Counters, http1Counters } from '../http1/http1-counters.ts'
import { ResponseHeadParser } from '../http1/response-head.ts'
import { Http1ClientConnection, type Http1ClientListener } from './http1-client-connection.ts'
import { sharedAnswerRead } from './shared-read.ts'
import { SocketDial } from './socket-dial.ts'

/** What hears of one dial, and then of the connection. */
export interface Http1DialListener extends Http1ClientListener {
  onConnection(connection: Http1ClientConnection): void
  /** `connect-failure`: nothing was sent. */
  onDialFailed(error: MeshError): void
}

const parser = new ResponseHeadParser()

/** Makes a function that dials HTTP/1.1 connections to applications; `counters` counts what is wrong with their answers. */
export function http1Dialer(
  wheel: TimerWheel,
  counters: Http1Counters = http1Counters(),
): (host: string, port: number, timeoutMs: number, listener: Http1DialListener) => void {
  return (host, port, timeoutMs, listener) => {
    let connection: Http1ClientConnection | undefined
    const onread = sharedAnswerRead(
      (chunk, length) => connection?.receive(chunk, length),
      () => connection?.isMidAnswer === true,
    )
    new SocketDial({ host, port, allowHalfOpen: true, onread }, timeoutMs, wheel, {
      onSocket: (socket) => {
        connection = new Http1ClientConnection(socket, parser, listener, counters)
        listener.onConnection(connection)
      },
      onFailed: (reason) =>
        listener.onDialFailed(meshError('connect-failure', `cannot connect to ${host}:${port}: ${reason}`)),
    })
  }
}
