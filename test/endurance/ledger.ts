import { type Parcel, upOctets } from './parcel.ts'
import { Receipt } from './receipt.ts'

/** What the applications got: a receipt for each request whose head arrived, by the number of its parcel. */
export class Ledger {
  readonly #receipts = new Map<number, Receipt[]>()

  /** A request began. */
  begin(parcel: Parcel): Receipt {
    const receipt = new Receipt(upOctets(parcel))
    const known = this.#receipts.get(parcel.id)
    if (known === undefined) this.#receipts.set(parcel.id, [receipt])
    else known.push(receipt)
    return receipt
  }

  /** Requests that began with this parcel, one for each time that it was tried. */
  of(id: number): readonly Receipt[] {
    return this.#receipts.get(id) ?? []
  }

  forget(id: number): void {
    this.#receipts.delete(id)
  }
}
