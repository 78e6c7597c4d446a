/** Methods that every Buffer has and no declaration mentions; `toString('latin1')` costs half as much again. */
interface LatinBuffer {
  latin1Slice(start: number, end: number): string
  latin1Write(text: string, at: number, length: number): number
}

/** The octets of [start, end) as a string of one character each. */
export const readLatin1 = (octets: Buffer, start: number, end: number): string =>
  (octets as unknown as LatinBuffer).latin1Slice(start, end)

/** Writes `text`, of one octet a character, at `at`. */
export const writeLatin1 = (octets: Buffer, at: number, text: string): number =>
  (octets as unknown as LatinBuffer).latin1Write(text, at, text.length)
