import type { Readable, Writable } from 'node:stream'

/** A reader stops this long after each so many octets: always slower than who writes, and now and then much slower. */
const BRIEF = { everyBytes: 2 ** 20, ms: 2 }
const LONG = { everyBytes: 64 * 2 ** 20, ms: 100 }

/** Reads a stream to its end, too slowly for its writer. Resolves with how much there was; rejects when it breaks off. */
export function readSlowly(stream: Readable): Promise<number> {
  let received = 0
  return new Promise((resolve, reject) => {
    stream.on('data', (chunk: Buffer) => {
      const before = received
      received += chunk.length
      const passes = ({ everyBytes }: typeof BRIEF): boolean =>
        Math.floor(before / everyBytes) !== Math.floor(received / everyBytes)
      const stop = passes(LONG) ? LONG : passes(BRIEF) ? BRIEF : undefined
      if (stop === undefined) return
      stream.pause()
      setTimeout(() => stream.resume(), stop.ms)
    })
    stream.on('end', () => resolve(received))
    stream.on('error', (error) => reject(new Error(`${error.message} after ${received} octets`)))
    stream.on('close', () => reject(new Error(`broken off after ${received} octets`)))
  })
}

const PIECE = Buffer.alloc(64 * 1024, 'x')

/** Writes so many octets as fast as they are taken, and the end. */
export function flood(stream: Writable, bytes: number): void {
  let left = bytes
  const push = (): void => {
    while (left > 0) {
      const piece = left < PIECE.length ? PIECE.subarray(0, left) : PIECE
      left -= piece.length
      if (!stream.write(piece)) return void stream.once('drain', push)
    }
    stream.end()
  }
  push()
}
