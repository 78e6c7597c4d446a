/** Pieces below this grow together, so that a sender of single octets costs us octets and not an object for each. */
const SMALL_BYTES = 4 * 1024
const FIRST_ROOM_BYTES = 256

/** Pieces that fill a half of it or more are kept in blocks of this size, which are used again: a frame of HTTP/2 fills one. */
const BLOCK_BYTES = 16 * 1024
/** Blocks that wait for their next use. */
const FREE_COUNT = 64

const freeBlocks: Buffer[] = []
const blocks = new WeakSet<ArrayBufferLike>()

function takeBlock(): Buffer {
  const free = freeBlocks.pop()
  if (free !== undefined) return free
  const block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
  blocks.add(block.buffer)
  return block
}

/** Gives a piece back that `shift` took away, and that nobody looks at any more. */
export function recyclePiece(piece: Buffer): void {
  if (freeBlocks.length >= FREE_COUNT || !blocks.has(piece.buffer)) return
  freeBlocks.push(piece.length === BLOCK_BYTES ? piece : Buffer.from(piece.buffer))
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
    const added = octets.length - from
    if (added <= 0) return
    this.bytes += added
    const last = this.#pieces.length - 1
    const tail = last >= this.#first ? this.#pieces[last] : undefined
    if (tail === undefined || !this.#makeRoom(tail, added)) {
      for (let at = from; at < octets.length; at += BLOCK_BYTES) this.#add(octets, at)
      this.#room = undefined
      return
    }
    const room = this.#room as Buffer
    octets.copy(room, tail.length, from)
    this.#pieces[last] = room.subarray(0, tail.length + added)
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

  #add(octets: Buffer, at: number): void {
    const count = Math.min(octets.length - at, BLOCK_BYTES)
    if (count * 2 < BLOCK_BYTES) return void this.#pieces.push(Buffer.from(octets.subarray(at, at + count)))
    const block = takeBlock()
    octets.copy(block, 0, at, at + count)
    this.#pieces.push(count === BLOCK_BYTES ? block : block.subarray(0, count))
  }

  /** Whether `added` octets fit behind `tail` now; a small tail moves to where they do. Its octets stay where they were, too. */
  #makeRoom(tail: Buffer, added: number): boolean {
    if (this.#room !== undefined && tail.length + added <= this.#room.length) return true
    if (tail.length >= SMALL_BYTES || added >= SMALL_BYTES) return false
    const room = Buffer.allocUnsafe(Math.max(FIRST_ROOM_BYTES, 2 * (tail.length + added)))
    tail.copy(room)
    this.#room = room
    return true
  }
}

const NONE: Buffer = Buffer.alloc(0)
