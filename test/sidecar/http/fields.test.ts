import assert from 'node:assert/strict'
import test from 'ava'
import {
  fieldValues,
  findField,
  joinedField,
  listItems,
  withAddedField,
  withField,
  withoutField,
} from '../../../sidecar/http/fields.ts'
import { NO_FIELDS } from '../../../sidecar/http/head.ts'
import { cleanTrailers, headerRule, stripMeshFields, withoutNominated } from '../../../sidecar/http/header-rules.ts'

const FIELDS = ['a', '1', 'b', '2', 'a', '3']

test('fields are found by name, all or the first', () => {
  assert.equal(findField(FIELDS, 'a'), '1')
  assert.equal(findField(FIELDS, '1'), undefined)
  assert.deepEqual(fieldValues(FIELDS, 'a'), ['1', '3'])
  assert.equal(joinedField(FIELDS, 'a'), '1, 3')
  assert.equal(joinedField(FIELDS, 'c'), undefined)
})

test('an edit makes a new list and leaves the old one', () => {
  assert.deepEqual(withField(FIELDS, 'a', 'x'), ['a', 'x', 'b', '2'])
  assert.deepEqual(withField(FIELDS, 'c', 'x'), [...FIELDS, 'c', 'x'])
  assert.deepEqual(withAddedField(FIELDS, 'b', 'x'), [...FIELDS, 'b', 'x'])
  assert.deepEqual(withoutField(FIELDS, 'a'), ['b', '2'])
  assert.equal(withoutField(FIELDS, 'c'), FIELDS)
  assert.deepEqual(FIELDS, ['a', '1', 'b', '2', 'a', '3'])
})

test('list items lose white space of HTTP and no other', () => {
  assert.deepEqual(listItems(' A ,,\tb\t,\xa0c'), ['a', 'b', '\xa0c'])
})

test('blanks in the middle of an item cost their number, not its square', () => {
  const item = `a${' '.repeat(4_000_000)}b`
  assert.deepEqual(listItems(`${item}, c`), [item, 'c']) // with a square of it this file does not end
})

test('Connection cannot nominate away what routes, frames or identifies', () => {
  const fields = ['authorization', 't', 'x-hop', '1', 'x-forwarded-client-cert', 'c', 'x-mesh-attempt', '1']
  const nominated = 'X-Hop, Authorization, x-forwarded-client-cert, x-mesh-attempt, host, content-length'
  assert.deepEqual(withoutNominated(fields, nominated), [
    'authorization',
    't',
    'x-forwarded-client-cert',
    'c',
    'x-mesh-attempt',
    '1',
  ])
})

test('trailers keep only what cannot frame, route or authenticate', () => {
  assert.deepEqual(
    cleanTrailers(['grpc-status', '0', 'host', 'x', 'cookie', 'y', 'connection', 'z', 'x-mesh-a', '1']),
    ['grpc-status', '0'],
  )
  assert.equal(cleanTrailers(NO_FIELDS), NO_FIELDS)
})

test('the words of the mesh are taken from strangers', () => {
  const fields = ['accept', 'a', 'x-mesh-attempt', '1', 'l5d-dst', 'x', 'X', '1', 'x-forwarded-client-cert', 'c']
  assert.deepEqual(stripMeshFields(fields), ['accept', 'a', 'X', '1'])
  const clean = ['accept', 'a']
  assert.equal(stripMeshFields(clean), clean)
})

test('a name that CGI reads as the mesh’s own is the mesh’s own, in heads, trailers and nominations; others are not', () => {
  const forged = [
    'x_forwarded_client_cert',
    'x-forwarded_client-cert',
    'x.forwarded.client.cert',
    'x_mesh_attempt',
    'l5d_dst',
  ]
  const fields = ['x_own', '1', ...forged.flatMap((name) => [name, 'forged']), 'content_length', '2']
  assert.deepEqual(stripMeshFields(fields), ['x_own', '1', 'content_length', '2'])
  assert.deepEqual(cleanTrailers(fields), ['x_own', '1', 'content_length', '2'])
  assert.equal(withoutNominated(fields, 'x_mesh_attempt'), fields)
  assert.deepEqual(['x_own', 'transfer_encoding', 'user_agent'].map(headerRule), [0, 0, 0])
})

test('names of the prototype have no rule', () => {
  for (const name of ['__proto__', 'constructor', 'toString']) assert.equal(headerRule(name), 0)
})
