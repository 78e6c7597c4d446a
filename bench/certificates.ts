import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A certificate and its key, separately and as one file. */
export interface KeyPairFiles {
  readonly certFile: string
  readonly keyFile: string
  readonly pemFile: string
}

/** The certificates of the peers' proxies. */
export interface TlsFiles {
  readonly caFile: string
  /** Of the proxy beside the caller. */
  readonly front: KeyPairFiles
  /** Of the proxy beside the callee. */
  readonly back: KeyPairFiles
  /** Says that it is the callee's, and is signed by another authority. */
  readonly stranger: KeyPairFiles
}

/** The name by which proxies that check DNS names know the second one. */
export const BACK_NAME = 'api.mesh.local'
/** The caller's identity, as the authorization rules name it. */
export const FRONT_ID = 'spiffe://local.mesh/ns/bench/sa/web'
/** The callee's identity. */
export const BACK_ID = 'spiffe://local.mesh/ns/bench/sa/api'

const openssl = (...args: readonly string[]): void => void execFileSync('openssl', args, { stdio: 'pipe' })
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

/** An authority and two ECDSA P-256 certificates by openssl, with DNS names for the proxies that check those, and SPIFFE IDs. */
export function makeCertificates(directory: string): TlsFiles {
  mkdirSync(directory, { recursive: true })
  const [ours, others] = [makeAuthority(directory, 'ca'), makeAuthority(directory, 'other-ca')]
  const signed = (name: string, dns: string, id: string, { caFile, caKey } = ours): KeyPairFiles => {
    const at = (suffix: string): string => join(directory, `${name}.${suffix}`)
    const files = { certFile: at('pem'), keyFile: at('key'), pemFile: at('both.pem') }
    openssl('req', ...NEW_KEY, '-keyout', files.keyFile, '-out', at('csr'), '-subj', `/CN=${dns}`)
    writeFileSync(at('ext'), `subjectAltName=DNS:${dns},URI:${id}\nextendedKeyUsage=serverAuth,clientAuth\n`)
    const authority = ['-CA', caFile, '-CAkey', caKey, '-CAcreateserial', '-days', '2', '-extfile', at('ext')]
    openssl('x509', '-req', '-in', at('csr'), '-out', files.certFile, ...authority)
    writeFileSync(files.pemFile, readFileSync(files.certFile, 'utf8') + readFileSync(files.keyFile, 'utf8'), {
      mode: 0o600,
    })
    return files
  }
  return {
    caFile: ours.caFile,
    front: signed('front', 'web.mesh.local', FRONT_ID),
    back: signed('back', BACK_NAME, BACK_ID),
    stranger: signed('stranger', BACK_NAME, BACK_ID, others),
  }
}

function makeAuthority(directory: string, name: string): { readonly caFile: string; readonly caKey: string } {
  const [caFile, caKey] = [join(directory, `${name}.pem`), join(directory, `${name}.key`)]
  openssl('req', '-x509', ...NEW_KEY, '-keyout', caKey, '-out', caFile, '-days', '2', '-subj', `/CN=bench ${name}`)
  return { caFile, caKey }
}
