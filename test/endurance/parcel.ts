import { seededRandom } from '../../sidecar/core/random.ts'

/** What one exchange carries. Both ends know it from its number, so that each can tell alone whether it got all of it. */
export interface Parcel {
  readonly id: number
  /** How the application is to answer: a word of its own. */
  readonly form: string
  readonly upBytes: number
  readonly downBytes: number
}

const NOISE_BYTES = 6 * 1024 * 1024
const noise = Buffer.alloc(NOISE_BYTES)
const random = seededRandom(20_260_101)
for (let at = 0; at < NOISE_BYTES; at += 4) noise.writeUInt32LE(Math.floor(random() * 2 ** 32), at)

/** Octets that nobody else's parcel has at the same place. A view. */
function octetsOf(number: number, bytes: number): Buffer {
  const from = (number * 7_919) % (NOISE_BYTES - bytes)
  return noise.subarray(from, from + bytes)
}

export const upOctets = ({ id, upBytes }: Parcel): Buffer => octetsOf(2 * id, upBytes)
export const downOctets = ({ id, downBytes }: Parcel): Buffer => octetsOf(2 * id + 1, downBytes)

/** The parcel as one word, for a path, a field or the first line of a connection. */
export const toWord = ({ id, form, upBytes, downBytes }: Parcel): string => `${form}.${id}.${upBytes}.${downBytes}`

/** The parcel of a word; undefined for what is none, as where a cut left a part of it. */
export function fromWord(word: string): Parcel | undefined {
  const [, form = '', id, upBytes, downBytes] = /^([a-z0-9]+)\.(\d+)\.(\d+)\.(\d+)$/.exec(word) ?? []
  if (id === undefined) return undefined
  return { form, id: Number(id), upBytes: Number(upBytes), downBytes: Number(downBytes) }
}

/** Pieces of `octets`: as many as wanted, of different lengths, together all of it. */
export function piecesOf(octets: Buffer, count: number): readonly Buffer[] {
  const ends = Array.from({ length: count }, (_, at) => Math.floor((octets.length * (at + 1) ** 2) / count ** 2))
  return ends.map((end, at) => octets.subarray(at === 0 ? 0 : ends[at - 1], end))
}
