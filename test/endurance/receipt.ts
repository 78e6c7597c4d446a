/** How what a receiver got came to its end, as the receiver's own library tells it. */
export type Ending = 'open' | 'whole' | 'broken'

/** What one receiver got of what was sent to it, compared octet by octet as it comes. */
export class Receipt {
  receivedBytes = 0
  /** Something came that was not sent, or not there. */
  isAltered = false
  ending: Ending = 'open'
  readonly #expected: Buffer

  constructor(expected: Buffer) {
    this.#expected = expected
  }

  /** All that was sent is there. */
  get isComplete(): boolean {
    return !this.isAltered && this.receivedBytes === this.#expected.length
  }

  take(chunk: Buffer): void {
    const from = this.receivedBytes
    this.receivedBytes += chunk.length
    if (!this.#expected.subarray(from, this.receivedBytes).equals(chunk)) this.isAltered = true
  }

  /** The first word counts: what follows an end says nothing. */
  end(how: 'whole' | 'broken'): void {
    if (this.ending === 'open') this.ending = how
  }

  toString(): string {
    const altered = this.isAltered ? ', with other octets' : ''
    return `${this.receivedBytes} of ${this.#expected.length} octets, ${this.ending}${altered}`
  }
}
