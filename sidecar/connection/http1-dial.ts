import { connect, type Socket } from 'node:net'
import { type MeshError, meshError } from '../core/mesh-errors.ts'
import type { TimerWheel, WheelEntry } from '../core/timer-wheel.ts'
import { type Http1Counters, http1Counters } from '../http1/http1-counters.ts'
import { ResponseHeadParser } from '../http1/response-head.ts'
import { Http1ClientConnection, type Http1ClientListener } from './http1-client-connection.ts'
import { sharedAnswerRead } from './shared-read.ts'

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
    new Dial(host, port, { wheel, counters, listener }).start(timeoutMs)
  }
}

interface DialParts {
  readonly wheel: TimerWheel
  readonly counters: Http1Counters
  readonly listener: Http1DialListener
}

/** One attempt to connect. Answers exactly once. */
class Dial implements WheelEntry {
  wheelNext: WheelEntry | undefined = undefined
  wheelPrevious: WheelEntry | undefined = undefined
  wheelSlot = -1
  wheelRounds = 0
  readonly #socket: Socket
  readonly #wheel: TimerWheel
  readonly #listener: Http1DialListener
  readonly #counters: Http1Counters
  readonly #address: string
  #isOver = false
  #connection: Http1ClientConnection | undefined

  constructor(host: string, port: number, parts: DialParts) {
    this.#wheel = parts.wheel
    this.#counters = parts.counters
    this.#listener = parts.listener
    this.#address = `${host}:${port}`
    this.#socket = connect({
      host,
      port,
      noDelay: true,
      allowHalfOpen: true,
      onread: sharedAnswerRead(
        (chunk, length) => this.#connection?.receive(chunk, length),
        () => this.#connection?.isMidAnswer === true,
      ),
    })
  }

  start(timeoutMs: number): void {
    this.#wheel.schedule(this, timeoutMs)
    this.#socket.once('connect', this.#onConnect)
    this.#socket.on('error', this.#onError)
  }

  onTimeout(): void {
    this.#onError(new Error('timeout'))
  }

  readonly #onConnect = (): void => {
    if (this.#isOver) return
    this.#isOver = true
    this.#wheel.cancel(this)
    this.#socket.removeListener('error', this.#onError)
    const connection = new Http1ClientConnection(this.#socket, parser, this.#listener, this.#counters)
    this.#connection = connection
    this.#listener.onConnection(connection)
  }

  readonly #onError = (error: Error): void => {
    if (this.#isOver) return
    this.#isOver = true
    this.#wheel.cancel(this)
    this.#socket.destroy()
    const reason = 'code' in error ? String(error.code) : error.message
    this.#listener.onDialFailed(meshError('connect-failure', `cannot connect to ${this.#address}: ${reason}`))
  }
}
