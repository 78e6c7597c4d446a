/*
 * The part of node-forge that we use: its ASN.1 module alone, because the whole package costs a sidecar 36 ms and 8 MB
 * more. The package's published types do not describe the module by itself, nor the options of `fromDer`.
 */
declare module 'node-forge/lib/asn1.js' {
  /** One ASN.1 value. `value` is a binary string (one character an octet) when primitive, children when constructed. */
  interface Asn1 {
    readonly tagClass: number
    readonly type: number
    readonly constructed: boolean
    readonly value: string | Asn1[]
  }

  interface Asn1Module {
    create(tagClass: number, type: number, constructed: boolean, value: string | Asn1[]): Asn1
    fromDer(
      bytes: string,
      options: { strict: boolean; parseAllBytes: boolean; decodeBitStrings: boolean; maxDepth: number },
    ): Asn1
    toDer(value: Asn1): { getBytes(): string }
    oidToDer(oid: string): { getBytes(): string }
    derToOid(bytes: string): string
  }

  const asn1: Asn1Module

  export type { Asn1 }
  export default asn1
}
