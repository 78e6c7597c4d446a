import assert from 'node:assert/strict'
import type { TLSSocket } from 'node:tls'
import test from 'ava'
import { peerOf } from '../../../control-plane/push/peer-of.ts'
import { DAY_MS, makePki, NOON } from '../../certs/mesh-pki.ts'

const pki = makePki()
const WEB = 'spiffe://mesh.example/ns/shop/sa/web'

/** A connection whose other end showed these certificates. */
function socketWith(chain: readonly Buffer[], isResumed = false): TLSSocket {
  const certificate = chain.reduceRight<object | undefined>(
    (issuerCertificate, raw) => ({ raw, issuerCertificate }),
    undefined,
  )
  return { isSessionReused: () => isResumed, getPeerX509Certificate: () => certificate } as unknown as TLSSocket
}

const chainOf = (id: string, from = pki): readonly Buffer[] => [
  from.leaf(id).certificate.der,
  from.issuing.certificate.der,
]
const problemOf = (socket: TLSSocket, wallMs = NOON): string => {
  const peer = peerOf(socket, pki.bundle, wallMs)
  return peer.ok ? 'believed' : peer.error
}

test('a workload is who its certificate says, until that ends', () => {
  assert.deepEqual(peerOf(socketWith(chainOf(WEB)), pki.bundle, NOON), {
    ok: true,
    value: { spiffeId: WEB, namespace: 'shop', serviceAccount: 'web', notAfterMs: NOON + DAY_MS },
  })
})

test('a connection proves nothing by a resumed session, without a certificate, or by one that is over or a stranger’s', () => {
  assert.match(problemOf(socketWith(chainOf(WEB), true)), /resumed session/)
  assert.match(problemOf(socketWith([])), /no certificate/)
  assert.match(problemOf(socketWith(chainOf(WEB)), NOON + DAY_MS + 1_000), /ended/)
  assert.match(problemOf(socketWith(chainOf(WEB)), NOON - DAY_MS), /not valid before/)
  assert.match(problemOf(socketWith(chainOf(WEB, makePki()))), /no root/)
  assert.match(problemOf(socketWith(chainOf('spiffe://mesh.example/somebody'))), /not the identity of a workload/)
})
