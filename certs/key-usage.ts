/** Purposes of a key, by their bit (RFC 5280 §4.2.1.3). */
export const KEY_USAGE_BITS = {
  digitalSignature: 0,
  nonRepudiation: 1,
  keyEncipherment: 2,
  dataEncipherment: 3,
  keyAgreement: 4,
  keyCertSign: 5,
  cRLSign: 6,
  encipherOnly: 7,
  decipherOnly: 8,
} as const

/** One purpose of a key. */
export type KeyUsage = keyof typeof KEY_USAGE_BITS

/** The octets of the BIT STRING that names these purposes, and how many bits at its end are unused: none that are set, as DER asks. */
export function writeKeyUsage(usages: readonly KeyUsage[]): { readonly octets: Buffer; readonly unusedBits: number } {
  const last = Math.max(...usages.map((usage) => KEY_USAGE_BITS[usage]))
  const octets = Buffer.alloc(Math.floor(last / 8) + 1)
  for (const usage of usages) {
    const bit = KEY_USAGE_BITS[usage]
    const at = Math.floor(bit / 8)
    octets.writeUInt8(octets.readUInt8(at) | (0x80 >> (bit % 8)), at)
  }
  return { octets, unusedBits: 7 - (last % 8) }
}

/** The purposes that a BIT STRING names. `bits` has the count of unused bits in its first octet. */
export function readKeyUsage(bits: Buffer): ReadonlySet<KeyUsage> {
  const usages = new Set<KeyUsage>()
  for (const [usage, bit] of Object.entries(KEY_USAGE_BITS) as [KeyUsage, number][]) {
    const octet = bits[1 + Math.floor(bit / 8)] ?? 0
    if ((octet & (0x80 >> (bit % 8))) !== 0) usages.add(usage)
  }
  return usages
}
