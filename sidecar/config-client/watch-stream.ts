import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2'
import { LineSplitter, toLine } from '../config/watch-lines.ts'
import type { WatchRequest } from '../config/watch-protocol.ts'
import type { Clock, Timer } from '../core/clock.ts'
import { reasonIn } from './request-signature.ts'
import { type ArrivedEvent, readEvent } from './watch-event.ts'

export interface WatchStreamDeps {
  readonly clock: Clock
  /** Nothing for this long, pings included: the control plane is gone, ms. */
  readonly silenceMs: number
  /** Events that arrived together. */
  readonly onEvents: (events: readonly ArrivedEvent[]) => void
  /** The stream is over; called once. */
  readonly onEnd: (reason: string) => void
}

const MAX_REFUSAL_BYTES = 16 * 1024

/** One `POST /v1/watch` exchange on a connection that it owns and closes. */
export class WatchStream {
  readonly #session: ClientHttp2Session
  readonly #stream: ClientHttp2Stream
  readonly #deps: WatchStreamDeps
  readonly #lines = new LineSplitter()
  #silence: Timer
  #status = 0
  #refusal = ''
  #isOver = false

  constructor(session: ClientHttp2Session, deps: WatchStreamDeps) {
    this.#session = session
    this.#deps = deps
    this.#stream = session.request(
      { ':method': 'POST', ':path': '/v1/watch', 'content-type': 'application/x-ndjson' },
      { endStream: false },
    )
    this.#silence = this.#armSilence()
    this.#stream.on('response', (headers: IncomingHttpHeaders) => {
      this.#status = Number(headers[':status'])
    })
    this.#stream.on('data', (chunk: Buffer) => this.#onData(chunk))
    this.#stream.on('trailers', ({ 'x-outrigger-reason': reason }: IncomingHttpHeaders) => {
      if (typeof reason === 'string') this.#over(reason)
    })
    this.#stream.on('error', (error: Error) => this.#over(error.message))
    this.#stream.on('end', () =>
      this.#over(this.#status === 200 ? 'the control plane ended the stream' : this.#refused()),
    )
    this.#stream.on('close', () => this.#over('the connection to the control plane broke'))
  }

  /** Sends messages in one write. */
  send(messages: readonly WatchRequest[]): void {
    if (!this.#isOver && messages.length > 0) this.#stream.write(messages.map(toLine).join(''))
  }

  /** Ends stream and connection in order; what was sent before arrives. Does not call `onEnd`. */
  async close(): Promise<void> {
    this.#isOver = true
    this.#silence.cancel()
    if (this.#stream.destroyed || this.#session.destroyed) return
    const closed = new Promise<void>((resolve) => this.#session.once('close', () => resolve()))
    const force = this.#deps.clock.after(1_000, () => this.#session.destroy())
    this.#stream.end()
    this.#session.close()
    await closed
    force.cancel()
  }

  #onData(chunk: Buffer): void {
    if (this.#isOver) return
    this.#silence.cancel()
    this.#silence = this.#armSilence()
    if (this.#status !== 200) {
      if (this.#refusal.length < MAX_REFUSAL_BYTES) this.#refusal += chunk.toString('utf8')
      return
    }
    const lines = this.#lines.push(chunk)
    if (!lines.ok) {
      this.#over(lines.error)
      return
    }
    const events: ArrivedEvent[] = []
    for (const line of lines.value) {
      const event = readEvent(line)
      if (!event.ok) {
        this.#over(event.error)
        return
      }
      events.push(event.value)
    }
    if (events.length > 0) this.#deps.onEvents(events)
  }

  #armSilence(): Timer {
    const { clock, silenceMs } = this.#deps
    return clock.after(silenceMs, () => this.#over(`nothing heard for ${silenceMs} ms`), { background: true })
  }

  #refused(): string {
    try {
      return `refused with ${this.#status}: ${reasonIn(JSON.parse(this.#refusal)) ?? 'no reason'}`
    } catch {
      return `refused with ${this.#status}`
    }
  }

  #over(reason: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#silence.cancel()
    this.#session.destroy()
    this.#deps.onEnd(reason)
  }
}
