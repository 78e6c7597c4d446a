import { type Random, seededRandom } from '../../sidecar/core/random.ts'
import { FAMILIES } from './families.ts'

/** Octets that one connection gets, as text of one octet a character. Every target in them has the input's number, near its beginning: logs cut what is long. */
export interface SmugglingInput {
  readonly family: string
  readonly number: number
  readonly octets: string
}

/** What a family may draw from. */
export interface Draw {
  readonly random: Random
  /** Of the service, for `Host`. */
  readonly host: string
  /** Of the input, for its targets. */
  readonly number: number
  /** One of these. */
  one<Value>(values: readonly Value[]): Value
}

/** A family of inputs: how many there are of it, and how one is made. */
export interface Family {
  readonly name: string
  readonly count: number
  readonly make: (draw: Draw) => string
}

/** All inputs for the service `host`; the same for the same seed. */
export function smugglingInputs(host: string, seed: number): readonly SmugglingInput[] {
  const random = seededRandom(seed)
  const inputs: SmugglingInput[] = []
  const known = new Set<string>()
  for (const { name, count, make } of FAMILIES) {
    for (let made = 0; made < count; made++) {
      const number = inputs.length
      const one = <Value>(values: readonly Value[]): Value => values[Math.floor(random() * values.length)] as Value
      let octets = make({ random, host, number, one })
      // The same draw twice says nothing new.
      for (let tries = 0; known.has(octets.replaceAll(`-${number}`, '')) && tries < 50; tries++) {
        octets = make({ random, host, number, one })
      }
      known.add(octets.replaceAll(`-${number}`, ''))
      inputs.push({ family: name, number, octets })
    }
  }
  return inputs
}
