/** Pieces below this grow together, so that a sender of single octets costs us octets and not an object for each. */
const SMALL_BYTES = 4 * 1024
const FIRST_ROOM_BYTES = 256

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
      this.#pieces.push(Buffer.from(octets.subarray(from)))
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
