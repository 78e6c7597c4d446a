import assert from 'node:assert/strict'
import test from 'ava'
import { canonicalAuthority, hostOf, portOf } from '../../../sidecar/http/authority.ts'
import { INVALID_LENGTH, parseContentLength } from '../../../sidecar/http/content-length.ts'
import { canonicalPath } from '../../../sidecar/http/path.ts'
import { otherReadings } from '../../../sidecar/http/path-readings.ts'

const PATHS: readonly (readonly [string, string | undefined])[] = [
  ['/', '/'],
  ['*', '*'],
  ['/a/b?c=/../d//e', '/a/b?c=/../d//e'],
  ['//a///b', '/a/b'],
  ['/a/./b/', '/a/b/'],
  ['/a/../b', '/b'],
  ['/../../b', '/b'],
  ['/a/..', '/'],
  ['/a/.', '/a/'],
  ['/.well-known/x', '/.well-known/x'],
  ['/a/%2e%2E/b', '/b'],
  ['/%61%7e', '/a~'],
  ['/a%2fb%5cc', '/a%2Fb%5Cc'],
  ['/a%2F..%2Fb', '/a%2F..%2Fb'],
  ['/a;p=1/b', '/a;p=1/b'],
  ['/%E4%BD%A0', '/%E4%BD%A0'],
  ['/%2561', '/%2561'],
  ['/...', '/...'],
  ['', undefined],
  ['a', undefined],
  ['/%00', undefined],
  ['/%c0%af', undefined],
  ['/%f8', undefined],
  ['/%', undefined],
  ['/%g0', undefined],
  ['/a#b', undefined],
  ['/a?b#c', undefined],
  ['/a\\b', undefined],
  ['/a b', undefined],
  ['/a\x7f', undefined],
]
for (const [path, expected] of PATHS) {
  test(`the canonical form of the path ${JSON.stringify(path)} is ${JSON.stringify(expected)}`, () => {
    assert.equal(canonicalPath(path), expected)
    if (expected !== undefined) assert.equal(canonicalPath(expected), expected)
  })
}

const READINGS: readonly (readonly [string, readonly string[]])[] = [
  ['/admin/x', []],
  ['/caf%C3%A9', []],
  ['/admin%2Fx', ['/admin/x']],
  ['/x/..%2Fadmin', ['/admin']],
  ['/x%2F..%2F..%2Fadmin/', ['/admin/']],
  ['/x/..%5Cadmin', ['/admin']],
  ['/%2Fadmin', ['/admin']],
  ['/admin;a=1/x;b', ['/admin/x']],
  ['/x/..;/admin', ['/x/..;/admin', '/admin']],
  ['/x;/..%2Fadmin', ['/admin']],
  ['/x;/%2E%2E%2Fadmin', ['/admin']],
  ['/admin%3Bx', ['/admin;x']],
  ['/a%2F;b', ['/a/;b', '/a/']],
  ['/a%252Fb', ['/a%2Fb']],
  ['/a%20b', ['/a b']],
]
test('what other readings a path has', () => {
  for (const [path, expected] of READINGS) {
    assert.deepEqual([...otherReadings(path)].sort(), expected.filter((one) => one !== path).sort(), path)
  }
})

test('every octet in a path is either refused or canonical twice', () => {
  for (let octet = 0; octet < 256; octet++) {
    for (const path of [`/a${String.fromCharCode(octet)}b`, `/a%${octet.toString(16).padStart(2, '0')}b`]) {
      const once = canonicalPath(path)
      if (once !== undefined) assert.equal(canonicalPath(once), once)
    }
  }
})

const AUTHORITIES: readonly (readonly [string, string | undefined])[] = [
  ['', ''],
  ['Shop.Example.', 'shop.example'],
  ['Shop:8080', 'shop:8080'],
  ['shop.:80', 'shop:80'],
  ['shop:', 'shop'],
  ['[::1]:80', '[::1]:80'],
  ['127.0.0.1', '127.0.0.1'],
  ['a_b-c', 'a_b-c'],
  ['a..', undefined],
  ['.', undefined],
  [':80', undefined],
  ['a:080', undefined],
  ['a:0', undefined],
  ['a:65536', undefined],
  ['a@b', undefined],
  ['a/b', undefined],
  ['a,b', undefined],
  ['a b', undefined],
  ['ä', undefined],
  ['[::1', undefined],
]
for (const [text, expected] of AUTHORITIES) {
  test(`the canonical form of the authority ${JSON.stringify(text)} is ${JSON.stringify(expected)}`, () => {
    assert.equal(canonicalAuthority(text), expected)
    assert.equal(canonicalAuthority(text), expected) // and so from memory
  })
}

test('an authority has a host and perhaps a port', () => {
  assert.deepEqual(['a:1', 'a', '[::1]:2', '[::1]'].map(hostOf), ['a', 'a', '::1', '::1'])
  assert.deepEqual(['a:1', 'a', '[::1]:2', '[::1]'].map(portOf), [1, undefined, 2, undefined])
})

test('a content length is plain digits up to 2^53 - 1', () => {
  assert.equal(parseContentLength('0'), 0)
  assert.equal(parseContentLength('9007199254740991'), Number.MAX_SAFE_INTEGER)
  for (const text of ['', '00', '01', '+1', '-1', ' 1', '1 ', '1,1', '0x1', '1e3', '٣', '9007199254740992']) {
    assert.equal(parseContentLength(text), INVALID_LENGTH)
  }
})
