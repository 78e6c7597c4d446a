import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { type Static, Type } from 'typebox'
import { err, ok, type Result } from '../../certs/result.ts'
import { parserOf } from '../../sidecar/core/schema.ts'
import { NAME_PATTERN } from './name-pattern.ts'

const ID_BYTES = 8
const SECRET_BYTES = 32
/** The public part of a token, by which it is revoked. */
export const TOKEN_ID = /^[0-9a-f]{16}$/
const SHAPE = /^outrigger-join\.([0-9a-f]{16})\.([A-Za-z0-9_-]{43})$/
/** Longest list of patterns in one token. */
const MAX_PATTERNS = 32

const Patterns = Type.Array(Type.String({ pattern: NAME_PATTERN.source, maxLength: 255 }), {
  minItems: 1,
  maxItems: MAX_PATTERNS,
})

/** What the registry knows of a join token: not its secret, only the secret's SHA-256, which is enough for 256 random bits. */
export const StoredToken = Type.Object(
  {
    id: Type.String({ pattern: TOKEN_ID.source }),
    secretHash: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    /** Namespaces and service accounts that may be asked for: names, or beginnings with `*`. */
    namespaces: Patterns,
    serviceAccounts: Patterns,
    /** Wall-clock ms. */
    expiresAtMs: Type.Integer({ minimum: 0 }),
  },
  { additionalProperties: false },
)
export type StoredToken = Static<typeof StoredToken>

const parser = parserOf(StoredToken)

/** What a new token is to allow. */
export interface TokenGrant {
  readonly namespaces: readonly string[]
  readonly serviceAccounts: readonly string[]
  /** Wall-clock ms. */
  readonly expiresAtMs: number
}

/** A new token: its text, which is shown once and kept nowhere, and what is stored of it. An error when a pattern is wrong. */
export function createToken(
  grant: TokenGrant,
): Result<{ readonly text: string; readonly stored: StoredToken }, string> {
  const id = randomBytes(ID_BYTES).toString('hex')
  const secret = randomBytes(SECRET_BYTES).toString('base64url')
  const stored = parser.parse({ id, secretHash: hashOf(secret).toString('hex'), ...grant })
  if (!stored.ok) {
    const [problem] = stored.error
    return err(`Cannot make the join token: ${problem?.path ?? ''} ${problem?.problem ?? 'is wrong'}`)
  }
  return ok({ text: `outrigger-join.${id}.${secret}`, stored: stored.value })
}

/** The parts of a token's text, or undefined when it has not the shape of one. */
export function findTokenParts(text: string): { readonly id: string; readonly secret: string } | undefined {
  const [, id, secret] = SHAPE.exec(text) ?? []
  return id === undefined || secret === undefined ? undefined : { id, secret }
}

/** Whether `secret` is the one of this token, in a time that does not depend on where they differ. */
export const isSecretOf = (stored: StoredToken, secret: string): boolean =>
  timingSafeEqual(hashOf(secret), Buffer.from(stored.secretHash, 'hex'))

/** A stored token as octets, and back; undefined when the octets are none. */
export const writeToken = (stored: StoredToken): Buffer => Buffer.from(JSON.stringify(stored))

/** See `writeToken`. */
export function findStoredToken(value: Buffer): StoredToken | undefined {
  try {
    const read = parser.parse(JSON.parse(value.toString('utf8')))
    return read.ok ? read.value : undefined
  } catch {
    return undefined
  }
}

const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest()
