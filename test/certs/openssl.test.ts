import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { bundleFromPem } from '../../certs/bundle.ts'
import { issueLeaf, toCertificatePem } from '../../certs/certificate.ts'
import { createSigningRequest, readSigningRequest } from '../../certs/csr.ts'
import { fromPrivateKeyPem, generateKeyPair, isSameKey, toPrivateKeyPem } from '../../certs/key-pair.ts'
import { fromPem } from '../../certs/pem.ts'
import { readCertificatesPem } from '../../certs/read-certificate.ts'
import { verifyChain } from '../../certs/verify-chain.ts'
import { WEB } from './craft-certificate.ts'
import { DAY_MS, idOf, makePki, unwrap } from './mesh-pki.ts'

const run = promisify(execFile)
// openssl verifies at the time of the machine
const NOW = Date.now()
const pki = makePki('mesh.example', NOW)

async function workshop(): Promise<{
  write(name: string, text: string): Promise<string>
  read(name: string): Promise<string>
  openssl(...args: string[]): Promise<string>
  [Symbol.asyncDispose](): Promise<void>
}> {
  const directory = await mkdtemp(join(tmpdir(), 'outrigger-openssl-'))
  return {
    async write(name, text) {
      await writeFile(join(directory, name), text)
      return name
    },
    read: (name) => readFile(join(directory, name), 'utf8'),
    async openssl(...args) {
      const { stdout, stderr } = await run('openssl', args, { cwd: directory })
      return stdout + stderr
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  }
}

test('openssl verify accepts our chain under strict checks, for both purposes', async () => {
  await using shop = await workshop()
  await shop.write('root.pem', toCertificatePem(pki.root))
  await shop.write('issuing.pem', toCertificatePem(pki.issuing.certificate))
  await shop.write('leaf.pem', toCertificatePem(pki.leaf(WEB).certificate))
  for (const purpose of ['sslserver', 'sslclient']) {
    const args = ['-x509_strict', '-purpose', purpose, '-CAfile', 'root.pem', '-untrusted', 'issuing.pem', 'leaf.pem']
    assert.match(await shop.openssl('verify', ...args), /leaf\.pem: OK/)
  }
  await assert.rejects(shop.openssl('verify', '-x509_strict', '-CAfile', 'issuing.pem', 'leaf.pem'))
})

/** The extensions as openssl prints them: name, criticality and value, without key identifiers' digits. */
function extensionsIn(text: string): string[] {
  const [, part = ''] = /X509v3 extensions:\n([\s\S]*?)\n {4}Signature Algorithm/.exec(text) ?? []
  return part
    .split(/\n(?= {12}X509v3)/)
    .map((lines) =>
      lines
        .trim()
        .replace(/\s*\n\s*/g, ' ')
        .replace(/ [0-9A-F]{2}(:[0-9A-F]{2}){2,}/, ' ID'),
    )
    .sort()
}

test('openssl prints exactly the extensions of an X509-SVID, with their criticality', async () => {
  await using shop = await workshop()
  await shop.write('leaf.pem', toCertificatePem(pki.leaf(WEB).certificate))
  const leaf = await shop.openssl('x509', '-in', 'leaf.pem', '-text', '-noout')
  assert.deepEqual(extensionsIn(leaf), [
    'X509v3 Authority Key Identifier: ID',
    'X509v3 Basic Constraints: critical CA:FALSE',
    'X509v3 Extended Key Usage: TLS Web Server Authentication, TLS Web Client Authentication',
    'X509v3 Key Usage: critical Digital Signature',
    `X509v3 Subject Alternative Name: critical URI:${WEB}`,
    'X509v3 Subject Key Identifier: ID',
  ])
  assert.match(leaf, /Version: 3/)
  assert.match(leaf, /Subject: *\n/)
  assert.match(leaf, /ecdsa-with-SHA256/)
  await shop.write('issuing.pem', toCertificatePem(pki.issuing.certificate))
  assert.deepEqual(extensionsIn(await shop.openssl('x509', '-in', 'issuing.pem', '-text', '-noout')), [
    'X509v3 Authority Key Identifier: ID',
    'X509v3 Basic Constraints: critical CA:TRUE, pathlen:0',
    'X509v3 Key Usage: critical Certificate Sign, CRL Sign',
    'X509v3 Subject Alternative Name: URI:spiffe://mesh.example',
    'X509v3 Subject Key Identifier: ID',
  ])
})

test('the alternative name of a leaf with a Subject is not critical (RFC 5280 §4.1.2.6)', async () => {
  await using shop = await workshop()
  const { publicKey } = generateKeyPair()
  const term = { wallMs: NOW, lifetimeMs: DAY_MS, commonName: 'web' }
  await shop.write('leaf.pem', toCertificatePem(issueLeaf(publicKey, idOf(WEB), pki.issuing, term)))
  const text = await shop.openssl('x509', '-in', 'leaf.pem', '-text', '-noout')
  assert(extensionsIn(text).includes(`X509v3 Subject Alternative Name: URI:${WEB}`))
  assert.match(text, /Subject: CN = web/)
})

test('openssl req verifies our signing request and prints the name that it asks for', async () => {
  await using shop = await workshop()
  await shop.write('csr.pem', createSigningRequest(generateKeyPair(), idOf(WEB)))
  const text = await shop.openssl('req', '-in', 'csr.pem', '-verify', '-noout', '-text')
  assert.match(text, /verify OK/)
  assert(text.includes(`URI:${WEB}`))
})

test('we read signing requests that openssl makes, with the names that they ask for', async () => {
  await using shop = await workshop()
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'key.pem']
  await shop.openssl(
    'req',
    '-new',
    ...curve,
    '-subj',
    '/CN=web',
    '-out',
    'a.pem',
    '-addext',
    `subjectAltName=URI:${WEB},DNS:web`,
  )
  const asked = unwrap(readSigningRequest(await shop.read('a.pem')))
  assert.deepEqual([asked.uriNames, asked.otherNameCount, asked.hasEmptySubject], [[WEB], 1, false])
  const { publicKey } = unwrap(fromPrivateKeyPem(await shop.read('key.pem')))
  assert(isSameKey(asked.publicKey, publicKey))
  await shop.openssl('req', '-new', '-key', 'key.pem', '-subj', '/', '-out', 'b.pem')
  assert.deepEqual(unwrap(readSigningRequest(await shop.read('b.pem'))).uriNames, [])
  await shop.openssl(
    'req',
    '-new',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    'rsa.pem',
    '-subj',
    '/',
    '-out',
    'c.pem',
  )
  assert.equal(unwrap(readSigningRequest(await shop.read('c.pem'))).publicKey.asymmetricKeyType, 'rsa')
  assert(!fromPrivateKeyPem(await shop.read('rsa.pem')).ok)
  await shop.openssl(
    'req',
    '-new',
    '-newkey',
    'rsa:1024',
    '-nodes',
    '-keyout',
    'rsa.pem',
    '-subj',
    '/',
    '-out',
    'd.pem',
  )
  assert(!readSigningRequest(await shop.read('d.pem')).ok)
})

const CONFIG = `
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
authorityKeyIdentifier = keyid
subjectAltName = URI:${WEB}
`

for (const [kind, newKey] of [
  ['ECDSA P-384', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:secp384r1', '-sha384']],
  ['RSA-2048', ['-newkey', 'rsa:2048', '-sha256']],
] as const) {
  test(`we verify a chain that openssl made with ${kind} keys, and refuse it without its issuing certificate`, async () => {
    await using shop = await workshop()
    await shop.write('ext.cnf', CONFIG)
    const request = (name: string) =>
      shop.openssl(
        'req',
        '-new',
        ...newKey,
        '-nodes',
        '-keyout',
        `${name}.key`,
        '-subj',
        `/CN=${name}`,
        '-out',
        `${name}.csr`,
      )
    const sign = (name: string, section: string, ...by: string[]) => {
      const files = ['-in', `${name}.csr`, '-out', `${name}.pem`, '-extfile', 'ext.cnf', '-extensions', section]
      return shop.openssl('x509', '-req', '-days', '2', ...files, ...by)
    }
    for (const name of ['root', 'mid', 'leaf']) await request(name)
    await sign('root', 'ca', '-signkey', 'root.key')
    await sign('mid', 'ca', '-CA', 'root.pem', '-CAkey', 'root.key', '-CAcreateserial')
    await sign('leaf', 'leaf', '-CA', 'mid.pem', '-CAkey', 'mid.key', '-CAcreateserial')
    const bundle = unwrap(bundleFromPem('mesh.example', 1, [await shop.read('root.pem')]))
    const chain = unwrap(fromPem('CERTIFICATE', (await shop.read('leaf.pem')) + (await shop.read('mid.pem'))))
    const at = Date.now() + 1_000
    assert.equal(unwrap(verifyChain(chain, bundle, at)).id.text, WEB)
    assert(!verifyChain(chain.slice(0, 1), bundle, at).ok)
    assert(!verifyChain(chain, bundle, at + 3 * DAY_MS).ok)
  })
}

test('a private key goes through openssl and comes back the same', async () => {
  await using shop = await workshop()
  const pair = generateKeyPair()
  await shop.write('key.pem', toPrivateKeyPem(pair))
  await shop.openssl('pkcs8', '-topk8', '-nocrypt', '-in', 'key.pem', '-out', 'back.pem')
  assert(isSameKey(unwrap(fromPrivateKeyPem(await shop.read('back.pem'))).publicKey, pair.publicKey))
  const wrong = fromPrivateKeyPem('-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n')
  assert(!wrong.ok)
  assert(!wrong.error.includes('c2VjcmV0'))
})

test('serial numbers are 128 random bits, and no two are alike', () => {
  const serials = Array.from({ length: 50 }, () => pki.leaf(WEB).certificate.serial)
  assert.equal(new Set(serials).size, 50)
  assert(serials.every((serial) => serial.length >= 26 && serial.length <= 32))
})

test('a leaf never outlives its issuing certificate, and is valid a little before it was made', () => {
  const { certificate } = pki.leaf(WEB, 4_000 * DAY_MS)
  assert.equal(certificate.notAfterMs, pki.issuing.certificate.notAfterMs)
  const floored = NOW - (NOW % 1_000)
  assert.equal(certificate.notBeforeMs, floored - 5 * 60_000)
  assert.equal(unwrap(readCertificatesPem(toCertificatePem(certificate))).length, 1)
})
