import { type Static, Type } from 'typebox'
import { type Issuer, issueIssuing, issueRoot, toCertificatePem } from '../../certs/certificate.ts'
import { fromPrivateKeyPem, generateKeyPair, isSameKey, type KeyPair, toPrivateKeyPem } from '../../certs/key-pair.ts'
import { type Certificate, readCertificatesPem } from '../../certs/read-certificate.ts'
import { err, ok, type Result } from '../../certs/result.ts'
import { checkSignature } from '../../certs/signature.ts'
import type { SpiffeId } from '../../certs/spiffe-id.ts'
import { parserOf } from '../../sidecar/core/schema.ts'
import { seal, unseal } from './seal.ts'

/** A root of the trust domain. Its private key is absent when it is kept elsewhere, or the root is only still believed. */
export interface RootAuthority {
  readonly certificate: Certificate
  readonly keyPair: KeyPair | undefined
}

/**
 * What all replicas share: every root that is believed, and the one issuing certificate that signs. Several roots are
 * possible at once, as a rotation needs; `sequence` grows with each change of the roots.
 */
export interface AuthorityState {
  readonly trustDomain: string
  readonly sequence: number
  readonly roots: readonly RootAuthority[]
  readonly issuing: IssuingAuthority
}

/** The certificate that signs leaves, with its key. */
export interface IssuingAuthority {
  readonly certificate: Certificate
  readonly keyPair: KeyPair
}

/** How long signing certificates live, ms. */
export interface AuthorityLifetimes {
  readonly rootMs: number
  readonly issuingMs: number
}

/** A trust domain's beginning: one root, one issuing certificate, sequence 1. */
export function createState(id: SpiffeId, lifetimes: AuthorityLifetimes, wallMs: number): AuthorityState {
  const keyPair = generateKeyPair()
  const root = { certificate: issueRoot(keyPair, id, { wallMs, lifetimeMs: lifetimes.rootMs }), keyPair }
  const issuing = createIssuing(
    id,
    { certificate: root.certificate, privateKey: keyPair.privateKey },
    {
      wallMs,
      lifetimeMs: lifetimes.issuingMs,
    },
  )
  return { trustDomain: id.trustDomain, sequence: 1, roots: [root], issuing }
}

/** The same roots with a new issuing certificate, signed by the newest root whose key we have and that still lives. */
export function renewIssuing(
  state: AuthorityState,
  id: SpiffeId,
  term: { readonly wallMs: number; readonly lifetimeMs: number },
): Result<AuthorityState, string> {
  const signer = state.roots.findLast((root) => root.keyPair !== undefined && root.certificate.notAfterMs > term.wallMs)
  if (signer?.keyPair === undefined) return err('no root has a private key here and is still valid')
  const root = { certificate: signer.certificate, privateKey: signer.keyPair.privateKey }
  return ok({ ...state, issuing: createIssuing(id, root, term) })
}

function createIssuing(
  id: SpiffeId,
  root: Issuer,
  term: { readonly wallMs: number; readonly lifetimeMs: number },
): IssuingAuthority {
  const keyPair = generateKeyPair()
  return { certificate: issueIssuing(keyPair.publicKey, id, root, term), keyPair }
}

const FORMAT = 1

const Stored = Type.Object({
  format: Type.Literal(FORMAT),
  trustDomain: Type.String(),
  sequence: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  roots: Type.Array(Type.Object({ certificatePem: Type.String(), sealedKey: Type.Optional(Type.String()) })),
  issuing: Type.Object({ certificatePem: Type.String(), sealedKey: Type.Optional(Type.String()) }),
})
type Stored = Static<typeof Stored>

const storedParser = parserOf(Stored)

/** The state as it stands in the registry: certificates in the open, private keys sealed. */
export function writeState(state: AuthorityState, sealKey: Buffer): Buffer {
  const sealKeyOf = (role: string, certificate: Certificate, keyPair: KeyPair): string =>
    seal(sealKey, purposeOf(role, state.trustDomain, certificate), toPrivateKeyPem(keyPair))
  const stored: Stored = {
    format: FORMAT,
    trustDomain: state.trustDomain,
    sequence: state.sequence,
    roots: state.roots.map(({ certificate, keyPair }) => ({
      certificatePem: toCertificatePem(certificate),
      ...(keyPair === undefined ? {} : { sealedKey: sealKeyOf('root', certificate, keyPair) }),
    })),
    issuing: {
      certificatePem: toCertificatePem(state.issuing.certificate),
      sealedKey: sealKeyOf('issuing', state.issuing.certificate, state.issuing.keyPair),
    },
  }
  return Buffer.from(JSON.stringify(stored))
}

/** A sealed key opens only for its own certificate. */
const purposeOf = (role: string, trustDomain: string, certificate: Certificate): string =>
  `outrigger authority ${role} ${trustDomain} ${certificate.serial}`

/**
 * The state in a value of the registry, checked: it is of this trust domain, keys fit their certificates, and a root
 * signed the issuing certificate. Else what is wrong, as a sentence; then the caller goes on with what it had.
 */
export function readState(value: Buffer, trustDomain: string, sealKey: Buffer): Result<AuthorityState, string> {
  const stored = parse(value)
  if (!stored.ok) return stored
  if (stored.value.trustDomain !== trustDomain) {
    return err(`the registry's authority is of trust domain "${stored.value.trustDomain}", not "${trustDomain}"`)
  }
  const roots: RootAuthority[] = []
  for (const { certificatePem, sealedKey } of stored.value.roots) {
    const root = readAuthority('root', trustDomain, { certificatePem, sealedKey }, sealKey)
    if (!root.ok) return root
    roots.push(root.value)
  }
  const issuing = readAuthority('issuing', trustDomain, stored.value.issuing, sealKey)
  if (!issuing.ok) return issuing
  const { certificate, keyPair } = issuing.value
  if (keyPair === undefined) return err('the issuing certificate has no private key')
  if (!roots.some((root) => isIssuedBy(certificate, root.certificate)))
    return err('no root signed the issuing certificate')
  return ok({ trustDomain, sequence: stored.value.sequence, roots, issuing: { certificate, keyPair } })
}

function parse(value: Buffer): Result<Stored, string> {
  let stored: unknown
  try {
    stored = JSON.parse(value.toString('utf8'))
  } catch {
    return err("the authority's state in the registry is not JSON")
  }
  const parsed = storedParser.parse(stored)
  return parsed.ok ? parsed : err(`the authority's state in the registry is not of format ${FORMAT}`)
}

function readAuthority(
  role: string,
  trustDomain: string,
  stored: { readonly certificatePem: string; readonly sealedKey?: string | undefined },
  sealKey: Buffer,
): Result<RootAuthority, string> {
  const read = readCertificatesPem(stored.certificatePem)
  if (!read.ok) return err(`the ${role} certificate is not readable: ${read.error}`)
  const [certificate] = read.value
  if (certificate?.isCa !== true) return err(`the ${role} certificate is not a CA`)
  if (stored.sealedKey === undefined) return ok({ certificate, keyPair: undefined })
  const pem = unseal(sealKey, purposeOf(role, trustDomain, certificate), stored.sealedKey)
  if (!pem.ok)
    return err(
      `the private key of the ${role} certificate stays closed: ${pem.error}; bring back the seal key that this mesh was created with, or name another registry`,
    )
  const keyPair = fromPrivateKeyPem(pem.value)
  if (!keyPair.ok) return keyPair
  if (!isSameKey(keyPair.value.publicKey, certificate.publicKey)) {
    return err(`the private key of the ${role} certificate is another certificate's`)
  }
  return ok({ certificate, keyPair: keyPair.value })
}

const isIssuedBy = (subject: Certificate, issuer: Certificate): boolean =>
  checkSignature(issuer.publicKey, {
    bytes: subject.signedBytes,
    algorithm: subject.signatureAlgorithm,
    signature: subject.signature,
  }) === 'good'
