import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { err, ok, type Result } from './result.ts'

/** A private key and the public key that belongs to it. Both stay inside OpenSSL until they are exported. */
export interface KeyPair {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

/** A fresh ECDSA key on P-256, from the system's generator: the one kind of key that we make. About 0.1 ms. */
export const generateKeyPair = (): KeyPair => generateKeyPairSync('ec', { namedCurve: 'prime256v1' })

/** PKCS #8, unencrypted, as PEM: the caller decides where it may go. */
export const toPrivateKeyPem = (pair: KeyPair): string =>
  pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

/** The key pair in a PEM text, or why there is none. Only ECDSA P-256 is taken. */
export function fromPrivateKeyPem(text: string): Result<KeyPair, string> {
  try {
    const privateKey = createPrivateKey({ key: text, format: 'pem' })
    if (privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return err('the key is not an ECDSA P-256 key')
    return ok({ privateKey, publicKey: createPublicKey(privateKey) })
  } catch {
    // OpenSSL's message may quote what it read, and this is a private key
    return err('the text holds no readable private key')
  }
}

/** SubjectPublicKeyInfo of a public key, DER (RFC 5280 §4.1.2.7). A copy. */
export const toSpki = (publicKey: KeyObject): Buffer => publicKey.export({ type: 'spki', format: 'der' })

/** Whether two public keys are the same key. */
export const isSameKey = (left: KeyObject, right: KeyObject): boolean => toSpki(left).equals(toSpki(right))
