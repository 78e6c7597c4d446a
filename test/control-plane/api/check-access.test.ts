import assert from 'node:assert/strict'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import test from 'ava'
import { type AccessPolicy, refusalOf } from '../../../control-plane/api/check-access.ts'

const OPEN: AccessPolicy = { adminToken: undefined, hostNames: ['Mesh.example'] }
const CLOSED: AccessPolicy = { ...OPEN, adminToken: 'the-token' }

/** The status of the refusal; 200: none. */
const statusOf = (headers: IncomingHttpHeaders, policy = OPEN): number =>
  refusalOf({ headers } as IncomingMessage, policy)?.status ?? 200

const HOSTS: readonly (readonly [string | undefined, number])[] = [
  ['localhost', 200],
  ['localhost:15011', 200],
  ['LOCALHOST', 200],
  ['127.0.0.1:15011', 200],
  ['[::1]:15011', 200],
  ['mesh.example', 200],
  ['MESH.example:15011', 200],
  ['evil-localhost', 421],
  ['localhost.evil', 421],
  ['evil.mesh.example', 421],
  ['mesh.example.evil', 421],
  ['127.0.0.1.evil', 421],
  ['', 421],
  [undefined, 421],
]
for (const [host, status] of HOSTS) {
  test(`Host ${host ?? '(none)'}: ${status}`, () => {
    assert.equal(statusOf(host === undefined ? {} : { host }), status)
  })
}

const ORIGINS: readonly (readonly [string, number])[] = [
  ['http://localhost:15011', 200],
  ['https://localhost:15011', 200],
  ['http://localhost', 403],
  ['http://localhost:8080', 403],
  ['http://evil.example', 403],
  ['http://localhost:15011.evil.example', 403],
  ['null', 403],
  ['', 403],
]
for (const [origin, status] of ORIGINS) {
  test(`a page of origin "${origin}": ${status}`, () => {
    assert.equal(statusOf({ host: 'localhost:15011', origin }), status)
  })
}

const CREDENTIALS: readonly (readonly [string | undefined, number])[] = [
  ['Bearer the-token', 200],
  ['bearer the-token', 200],
  ['Bearer the-toke', 401],
  ['Bearer the-token2', 401],
  ['Bearer  the-token', 401],
  ['Bearer the-token ', 401],
  ['Basic the-token', 401],
  ['the-token', 401],
  ['Bearer ', 401],
  ['', 401],
  [undefined, 401],
]
for (const [authorization, status] of CREDENTIALS) {
  test(`where an admin token is asked for, "${authorization ?? '(nothing)'}": ${status}`, () => {
    const headers = { host: 'localhost', ...(authorization === undefined ? {} : { authorization }) }
    assert.equal(statusOf(headers, CLOSED), status)
  })
}

test('an admin token that is empty lets nobody in', () => {
  for (const authorization of [undefined, '', 'Bearer', 'Bearer ', 'Bearer x'])
    assert.equal(statusOf({ host: 'localhost', authorization }, { ...OPEN, adminToken: '' }), 401)
})
