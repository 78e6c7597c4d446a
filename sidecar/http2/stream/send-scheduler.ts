import type { Http2Stream } from './http2-stream.ts'

/** Streams with body bytes to send, in turns of one frame each, so that a long body does not keep a short one waiting. */
export class SendScheduler {
  #first: Http2Stream | undefined
  #last: Http2Stream | undefined

  /** Nobody waits. */
  get isEmpty(): boolean {
    return this.#first === undefined
  }

  /** Puts `stream` at the end, unless it waits already. */
  add(stream: Http2Stream): void {
    if (stream.isPending) return
    stream.isPending = true
    stream.nextPending = undefined
    if (this.#last === undefined) this.#first = stream
    else this.#last.nextPending = stream
    this.#last = stream
  }

  /** Gives the next stream its turn. False when nobody waits. */
  runOne(): boolean {
    const stream = this.#first
    if (stream === undefined) return false
    this.#first = stream.nextPending
    if (this.#first === undefined) this.#last = undefined
    stream.nextPending = undefined
    stream.isPending = false
    if (!stream.isDead && stream.sendPending()) this.add(stream)
    return true
  }

  /** Forgets everybody. */
  clear(): void {
    this.#first = undefined
    this.#last = undefined
  }
}
