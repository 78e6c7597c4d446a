import type { ClientStream } from './client-stream.ts'
import type { ServerStream } from './server-stream.ts'

type Stream = ClientStream | ServerStream

const BUCKETS = 256

/**
 * The open streams of a connection by id, chained through the streams themselves. A `Map` would do, but for one thing:
 * when a Map grows, V8 has the old table refer to the new one, so one dead table in the old generation keeps every table
 * after it, and all streams that stood in them, until the next full collection. At 30,000 requests a second that made a
 * scavenge take 20 ms instead of 1.
 */
export class StreamTable {
  readonly #buckets: (Stream | undefined)[] = new Array(BUCKETS).fill(undefined)
  #size = 0

  get size(): number {
    return this.#size
  }

  get(id: number): Stream | undefined {
    let stream = this.#buckets[bucketOf(id)]
    while (stream !== undefined && stream.id !== id) stream = stream.nextInTable as Stream | undefined
    return stream
  }

  /** Adds a stream whose id is new. */
  add(stream: Stream): void {
    const bucket = bucketOf(stream.id)
    stream.nextInTable = this.#buckets[bucket]
    this.#buckets[bucket] = stream
    this.#size++
  }

  /** False when no such stream is there. */
  delete(id: number): boolean {
    const bucket = bucketOf(id)
    let before: Stream | undefined
    let stream = this.#buckets[bucket]
    while (stream !== undefined && stream.id !== id) {
      before = stream
      stream = stream.nextInTable as Stream | undefined
    }
    if (stream === undefined) return false
    if (before === undefined) this.#buckets[bucket] = stream.nextInTable as Stream | undefined
    else before.nextInTable = stream.nextInTable
    stream.nextInTable = undefined
    this.#size--
    return true
  }

  /** All streams, as they stand now. */
  list(): readonly Stream[] {
    const streams: Stream[] = []
    for (const first of this.#buckets) {
      for (let stream = first; stream !== undefined; stream = stream.nextInTable as Stream | undefined) {
        streams.push(stream)
      }
    }
    return streams
  }
}

/** Ids of one side are all odd or all even. */
const bucketOf = (id: number): number => (id >>> 1) & (BUCKETS - 1)
