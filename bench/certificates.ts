import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Files with the certificates of the peers' proxies. */
interface CertificateFiles {
  readonly caFile: string
  readonly certFile: string
  readonly keyFile: string
  readonly pemFile: string
}

/** A CA and one ECDSA P-256 certificate by openssl, for proxies that check DNS names and not SPIFFE IDs. */
export function makeCertificates(directory: string): CertificateFiles {
  const at = (name: string): string => join(directory, name)
  const openssl = (...args: readonly string[]): void => void execFileSync('openssl', args, { stdio: 'pipe' })
  const files = { caFile: at('ca.pem'), certFile: at('cert.pem'), keyFile: at('key.pem'), pemFile: at('both.pem') }
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  openssl('req', '-x509', ...key, '-keyout', at('ca.key'), '-out', files.caFile, '-days', '2', '-subj', '/CN=bench CA')
  openssl('req', ...key, '-keyout', files.keyFile, '-out', at('request.pem'), '-subj', '/CN=mesh.local')
  writeFileSync(at('extensions'), 'subjectAltName=DNS:mesh.local\nextendedKeyUsage=serverAuth,clientAuth\n')
  const sign = [
    '-CA',
    files.caFile,
    '-CAkey',
    at('ca.key'),
    '-CAcreateserial',
    '-days',
    '2',
    '-extfile',
    at('extensions'),
  ]
  openssl('x509', '-req', '-in', at('request.pem'), '-out', files.certFile, ...sign)
  writeFileSync(files.pemFile, readFileSync(files.certFile, 'utf8') + readFileSync(files.keyFile, 'utf8'), {
    mode: 0o600,
  })
  return files
}
