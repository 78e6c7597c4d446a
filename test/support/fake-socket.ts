import { EventEmitter } from 'node:events'
import { framesOf } from './http2-frames.ts'

/** A socket in memory that writes down what is written to it. */
export class FakeSocket extends EventEmitter {
  readonly writes: Buffer[] = []
  destroyed = false
  takesMore = true
  readonly remoteAddress = '10.0.0.1'
  readonly remotePort = 1
  setNoDelay(): void {}
  resume(): void {}
  /** Copies, and says when it has written them, as Node does: at once, or with 'drain'. */
  write(octets: Buffer, onWritten: () => void): boolean {
    this.writes.push(Buffer.from(octets))
    if (this.takesMore) queueMicrotask(onWritten)
    else this.once('drain', onWritten)
    return this.takesMore
  }
  isEnded = false
  end(): void {
    this.isEnded = true
  }
  destroySoon(): void {}
  destroy(): void {
    this.destroyed = true
    this.emit('close')
  }
  /** Types of the frames written since last asked. */
  written(): number[] {
    return framesOf(Buffer.concat(this.writes.splice(0))).map((one) => one.type)
  }
}

/** The turn of the loop ends: what waited for that is written. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
