import assert from 'node:assert/strict'
import type { TLSSocket } from 'node:tls'
import test from 'ava'
import { peerChainOf } from '../../certs/peer-chain.ts'

interface Shown {
  readonly raw: Buffer
  issuerCertificate?: Shown | undefined
}

const socketThat = (shown: Shown | undefined): TLSSocket =>
  ({ getPeerX509Certificate: () => shown }) as unknown as TLSSocket
const named = (name: string, issuerCertificate?: Shown): Shown => ({ raw: Buffer.from(name), issuerCertificate })
const namesOf = (shown: Shown | undefined): readonly string[] => peerChainOf(socketThat(shown)).map(String)

test('the chain of a peer is leaf first, and ends with a root that is its own issuer', () => {
  const root = named('root')
  root.issuerCertificate = root
  assert.deepEqual(namesOf(named('leaf', named('issuing', root))), ['leaf', 'issuing', 'root'])
  assert.deepEqual(namesOf(named('leaf')), ['leaf'])
  assert.deepEqual(namesOf(undefined), [])
})

test('a chain that goes round in a circle, or on and on, is read so far and no further', () => {
  const [first, second] = [named('first'), named('second')]
  Object.assign(first, { issuerCertificate: second })
  Object.assign(second, { issuerCertificate: first })
  assert.deepEqual(namesOf(first), ['first', 'second'])
  const long = Array.from({ length: 50 }, (_, i) => `${i}`).reduceRight<Shown | undefined>(
    (issuer, name) => named(name, issuer),
    undefined,
  )
  assert.equal(namesOf(long).length, 8)
})
