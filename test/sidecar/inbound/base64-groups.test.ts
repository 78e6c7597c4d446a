import assert from 'node:assert/strict'
import test from 'ava'
import fc from 'fast-check'
import { decodeGroups } from '../../../sidecar/inbound/base64-groups.ts'

test('what was written in pieces, each padded on its own, is read back', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (pieces) => {
      const text = pieces.map((piece) => Buffer.from(piece).toString('base64')).join('')
      assert.deepEqual(decodeGroups(text), Buffer.concat(pieces))
    }),
  )
})

test('what is no base64 is refused, padded or not', () => {
  const bad = [
    'A===',
    '====',
    '=AAA',
    'A=AA',
    'AA=A',
    'QQ==*AAA',
    'QQ==AA-_',
    'AA\r\n',
    'QQ==A AA',
    'AAA\xff',
    'QQ==AAA\xff',
  ]
  for (const text of bad) assert.equal(decodeGroups(text), undefined, text)
  for (const text of ['', 'QQ==', 'QUI=', 'QUJD', 'QQ==QUI=QUJD+/+/']) {
    assert.deepEqual(
      decodeGroups(text),
      Buffer.concat((text.match(/.{4}/g) ?? []).map((g) => Buffer.from(g, 'base64'))),
    )
  }
})
