import { type KeyObject, verify } from 'node:crypto'
import { OID } from './oids.ts'

interface Algorithm {
  readonly hash: string | null
  /** What node:crypto calls the type of key that makes such signatures. */
  readonly keyType: string
}

/** Algorithms whose signatures we believe: ours, and those that an organization's own root may use. No SHA-1, no MD5. */
const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  [OID.ecdsaWithSha256]: { hash: 'sha256', keyType: 'ec' },
  '1.2.840.10045.4.3.3': { hash: 'sha384', keyType: 'ec' },
  '1.2.840.10045.4.3.4': { hash: 'sha512', keyType: 'ec' },
  '1.2.840.113549.1.1.11': { hash: 'sha256', keyType: 'rsa' },
  '1.2.840.113549.1.1.12': { hash: 'sha384', keyType: 'rsa' },
  '1.2.840.113549.1.1.13': { hash: 'sha512', keyType: 'rsa' },
  '1.3.101.112': { hash: null, keyType: 'ed25519' },
}
const CURVES = new Set(['prime256v1', 'secp384r1', 'secp521r1'])
const LEAST_RSA_BITS = 2048
/** The time of a check grows with the square of the length, and the key may be a stranger's. */
const MOST_RSA_BITS = 8192

/**
 * Whether `signature` over `bytes` was made with the private key of `publicKey`; 'weak' when the algorithm or the key is
 * not one that we believe. About 0.1 ms for P-256.
 */
export function checkSignature(
  publicKey: KeyObject,
  signed: { readonly bytes: Buffer; readonly algorithm: string; readonly signature: Buffer },
): 'good' | 'bad' | 'weak' {
  const algorithm = Object.hasOwn(ALGORITHMS, signed.algorithm) ? ALGORITHMS[signed.algorithm] : undefined
  if (algorithm === undefined || !isStrongKey(publicKey)) return 'weak'
  if (algorithm.keyType !== publicKey.asymmetricKeyType) return 'bad'
  try {
    return verify(algorithm.hash, signed.bytes, publicKey, signed.signature) ? 'good' : 'bad'
  } catch {
    // a signature that is not even a signature
    return 'bad'
  }
}

/** Whether a key is of a type and size that we believe: P-256, P-384, P-521, Ed25519, RSA from 2,048 to 8,192 bits. */
export function isStrongKey(key: KeyObject): boolean {
  const details = key.asymmetricKeyDetails
  if (key.asymmetricKeyType === 'ec') return CURVES.has(details?.namedCurve ?? '')
  if (key.asymmetricKeyType === 'rsa') {
    const bits = details?.modulusLength ?? 0
    return bits >= LEAST_RSA_BITS && bits <= MOST_RSA_BITS
  }
  return key.asymmetricKeyType === 'ed25519'
}
