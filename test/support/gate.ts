/** Holds whoever comes until it is opened, and counts who came: what is in flight is what the test says, on any machine. */
export class Gate {
  readonly #opened = Promise.withResolvers<void>()
  #enteredCount = 0

  /** How many came, ever. */
  get enteredCount(): number {
    return this.#enteredCount
  }

  /** Resolves when the gate is, or was, opened. */
  pass(): Promise<void> {
    this.#enteredCount++
    return this.#opened.promise
  }

  /** Lets everybody go, from now on. */
  open(): void {
    this.#opened.resolve()
  }
}
