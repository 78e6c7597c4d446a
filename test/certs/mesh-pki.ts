import { createBundle, type TrustBundle } from '../../certs/bundle.ts'
import { type Issuer, issueIssuing, issueLeaf, issueRoot } from '../../certs/certificate.ts'
import { generateKeyPair, type KeyPair } from '../../certs/key-pair.ts'
import type { Certificate } from '../../certs/read-certificate.ts'
import type { Result } from '../../certs/result.ts'
import { parseSpiffeId, type SpiffeId } from '../../certs/spiffe-id.ts'

/** The value of a result that a test expects to be good. */
export function unwrap<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(`expected a value, got ${JSON.stringify(result.error)}`)
  return result.value
}

export const idOf = (text: string): SpiffeId => unwrap(parseSpiffeId(text))

export const DAY_MS = 86_400_000
/** A moment for tests that no clock concerns: 2030-01-01. */
export const NOON = Date.UTC(2030, 0, 1, 12)

/** A whole trust domain: root, issuing certificate, bundle, and leaves on demand. */
export interface Pki {
  readonly rootKey: KeyPair
  readonly root: Certificate
  readonly issuing: Issuer
  readonly bundle: TrustBundle
  leaf(id: string, lifetimeMs?: number): { readonly keyPair: KeyPair; readonly certificate: Certificate }
}

export function makePki(trustDomain = 'mesh.example', wallMs = NOON): Pki {
  const id = idOf(`spiffe://${trustDomain}`)
  const rootKey = generateKeyPair()
  const root = issueRoot(rootKey, id, { wallMs, lifetimeMs: 3650 * DAY_MS })
  const issuingKey = generateKeyPair()
  const rootIssuer = { certificate: root, privateKey: rootKey.privateKey }
  const issuing = {
    certificate: issueIssuing(issuingKey.publicKey, id, rootIssuer, { wallMs, lifetimeMs: 365 * DAY_MS }),
    privateKey: issuingKey.privateKey,
  }
  return {
    rootKey,
    root,
    issuing,
    bundle: unwrap(createBundle(trustDomain, 1, [root])),
    leaf(text, lifetimeMs = DAY_MS) {
      const keyPair = generateKeyPair()
      return { keyPair, certificate: issueLeaf(keyPair.publicKey, idOf(text), issuing, { wallMs, lifetimeMs }) }
    },
  }
}
