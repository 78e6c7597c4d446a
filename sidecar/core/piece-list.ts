/** Pieces below this grow together, so that a sender of single octets costs us octets and not an object for each. */
const SMALL_BYTES = 4 * 1024
const FIRST_ROOM_BYTES = 256

/** A piece is kept in the smallest block that it fills a half of or more, which is used again: a frame of HTTP/2 fills the largest. */
const BLOCK_SIZES = [4 * 1024, 8 * 1024, 16 * 1024]
const LARGEST_BLOCK_BYTES = 16 * 1024
/** Blocks of each size that wait for their next use. */
const FREE_COUNT = 64

/** By size. */
const freeBlocks: ReadonlyMap<number, Buffer[]> = new Map(BLOCK_SIZES.map((bytes) => [bytes, []]))
const blocks = new WeakSet<ArrayBufferLike>()

/** Room for so many octets, at most `LARGEST_BLOCK_BYTES`: small ones are not worth a block. */
function takeRoom(count: number): Buffer {
  const bytes = BLOCK_SIZES.find((size) => size >= count)
  if (bytes === undefined || 2 * count < bytes) return Buffer.allocUnsafe(count)
  const free = freeBlocks.get(bytes)?.pop()
  if (free !== undefined) return free
  const block = Buffer.allocUnsafeSlow(bytes)
  blocks.add(block.buffer)
  return block
}

/** Gives a piece back that `shift` took away, and that nobody looks at any more. */
export function recyclePiece({ buffer }: Buffer): void {
  const free = freeBlocks.get(buffer.byteLength)
  if (free !== undefined && free.length < FREE_COUNT && blocks.has(buffer)) free.push(Buffer.from(buffer))
}

/** Octets that are kept, in order, in pieces: copies of what was borrowed, small ones put together. The owner bounds them. */
export class PieceList {
  #pieces: Buffer[] = []
  /** Where the last piece lies, with the room behind it; undefined: it has none. */
  #room: Buffer | undefined
  #first = 0
  /** Octets in all pieces. */
  bytes = 0

  /** No piece is left. */
  get isEmpty(): boolean {
    return this.#first === this.#pieces.length
  }

  /** The first piece; a later `append` may give it more octets at its end. */
  get first(): Buffer | undefined {
    return this.#pieces[this.#first]
  }

  /** All pieces, in order. They are the list's own, not to be changed. */
  get all(): readonly Buffer[] {
    return this.#pieces.slice(this.#first)
  }

  /** Keeps a copy of `octets`, from offset `from`. */
  append(octets: Buffer, from = 0): void {
    if (octets.length <= from) return
    this.bytes += octets.length - from
    let at = from + this.#extend(octets, from)
    for (; at < octets.length; at += LARGEST_BLOCK_BYTES) this.#add(octets, at)
  }

  /** Takes the first piece away. */
  shift(): Buffer | undefined {
    const piece = this.#pieces[this.#first]
    if (piece === undefined) return undefined
    this.bytes -= piece.length
    this.#pieces[this.#first++] = NONE
    if (this.isEmpty) {
      this.#pieces = []
      this.#first = 0
      this.#room = undefined
    } else if (this.#first >= 32) {
      this.#pieces.splice(0, this.#first)
      this.#first = 0
    }
    return piece
  }

  /** Gives every piece back, unread: nobody looks at any of them any more. The list is empty. */
  discard(): void {
    for (let piece = this.shift(); piece !== undefined; piece = this.shift()) recyclePiece(piece)
  }

  /** A piece of its own for what begins at `at`, as far as a block goes. */
  #add(octets: Buffer, at: number): void {
    const count = Math.min(octets.length - at, LARGEST_BLOCK_BYTES)
    const room = takeRoom(count)
    octets.copy(room, 0, at, at + count)
    this.#pieces.push(room.subarray(0, count))
    this.#room = room
  }

  /** Puts behind the last piece what fits there, and answers how many octets that were. A small one moves to where all fit. */
  #extend(octets: Buffer, from: number): number {
    const last = this.#pieces.length - 1
    const tail = last >= this.#first ? this.#pieces[last] : undefined
    if (tail === undefined || this.#room === undefined) return 0
    const added = octets.length - from
    if (tail.length + added > this.#room.length && tail.length < SMALL_BYTES && added < SMALL_BYTES) {
      this.#room = Buffer.allocUnsafe(Math.max(FIRST_ROOM_BYTES, 2 * (tail.length + added)))
      tail.copy(this.#room) // its octets stay where they were, too: whoever has it may go on reading
    }
    const count = Math.min(added, this.#room.length - tail.length)
    if (count === 0) return 0
    octets.copy(this.#room, tail.length, from, from + count)
    this.#pieces[last] = this.#room.subarray(0, tail.length + count)
    return count
  }
}

const NONE: Buffer = Buffer.alloc(0)
