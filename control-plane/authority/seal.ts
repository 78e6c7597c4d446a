import assert from 'node:assert/strict'
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { err, ok, type Result } from '../../certs/result.ts'

/** Length of the key that seals what is stored, octets: AES-256. */
export const SEAL_KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16

/**
 * Seals a secret with AES-256-GCM under a random nonce. `purpose` is authenticated: what was sealed for one use does not
 * open for another, so that nobody who can write to the registry can put one key in the place of another. Base64.
 */
export function seal(sealKey: Buffer, purpose: string, secret: string): string {
  assert(sealKey.length === SEAL_KEY_BYTES, 'the seal key has 32 octets')
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', sealKey, nonce).setAAD(Buffer.from(purpose))
  const sealed = [nonce, cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()]
  return Buffer.concat(sealed).toString('base64')
}

/** The secret in a text of `seal`, or that it does not open: another key, another purpose, or changed octets. */
export function unseal(sealKey: Buffer, purpose: string, sealed: string): Result<string, string> {
  const octets = Buffer.from(sealed, 'base64')
  if (octets.length < NONCE_BYTES + TAG_BYTES) return err('the sealed text is too short')
  try {
    const decipher = createDecipheriv('aes-256-gcm', sealKey, octets.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    })
    decipher.setAAD(Buffer.from(purpose)).setAuthTag(octets.subarray(-TAG_BYTES))
    const start = decipher.update(octets.subarray(NONCE_BYTES, -TAG_BYTES))
    return ok(Buffer.concat([start, decipher.final()]).toString('utf8'))
  } catch {
    return err('it does not open with this seal key')
  }
}
