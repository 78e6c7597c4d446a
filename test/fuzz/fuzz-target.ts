/** A reader of octets that a stranger sent, and what must hold of it whatever they are. */
export interface FuzzTarget {
  /** Its folder in `corpus/`, and its name on the command line. */
  readonly name: string
  /** Inputs to begin with: as different as its grammar has parts. */
  readonly seeds: readonly Buffer[]
  /** What its grammar is made of, one octet a character. */
  readonly words: readonly string[]
  /** No longer input is tried; past the limits of the reader where it has some that are near. */
  readonly maxBytes: number
  /**
   * Reads `input`, which is not to be written to. Throws where an invariant is broken: an input for which it throws is a finding.
   * @returns the kind of outcome in a few words; an input that gives a new one is kept to be changed further
   */
  check(input: Buffer): string
}

/** Octets of a text, one a character. */
export const octets = (text: string): Buffer => Buffer.from(text, 'latin1')

/** A text without its digits and what stands in quotes: of two problems of one kind it makes one outcome. */
export const kindOf = (problem: string): string =>
  problem
    .replace(/"(?:[^"\\]|\\.)*"?/g, '""')
    .replace(/0x[0-9a-f]+|[0-9]+/g, '#')
    .slice(0, 120)
