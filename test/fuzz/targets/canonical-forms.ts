import assert from 'node:assert/strict'
import { findWorkload, parseSpiffeId } from '../../../certs/spiffe-id.ts'
import { formatDuration, parseDurationMs } from '../../../sidecar/core/duration.ts'
import { canonicalAuthority, hostOf, portOf } from '../../../sidecar/http/authority.ts'
import { canonicalPath } from '../../../sidecar/http/path.ts'
import { type FuzzTarget, kindOf, octets } from '../fuzz-target.ts'

/** The form of a host is its own form. */
export const authority: FuzzTarget = {
  name: 'authority',
  seeds: [
    '',
    'a',
    'Shop.Example:8080',
    'a.',
    'a.:80',
    '127.0.0.1:1',
    '[::1]',
    '[::FFFF:1.2.3.4]:65535',
    'a:',
    'user@a',
    'a,b',
    'a:00',
    '..',
  ].map(octets),
  words: ['.', ':', '[', ']', '::', ':80', ':65536', ':0', '%', '@', '/', ',', 'a', 'A', '\xe9', '\0'],
  maxBytes: 400,
  check(input) {
    const text = input.toString('latin1')
    const form = canonicalAuthority(text)
    assert.equal(canonicalAuthority(text), form, 'the form, asked for again')
    if (form === undefined) return 'none'
    assert.equal(canonicalAuthority(form), form, 'the form of a form')
    assert.equal(form, form.toLowerCase())
    assert(!/[\s/@,%?#]/.test(form), 'a form is no more than host and port')
    const port = portOf(form)
    assert(port === undefined || (port > 0 && port < 65_536), 'a port is one')
    const host = hostOf(form)
    const whole = form.startsWith('[') ? `[${host}]` : host
    assert.equal(port === undefined ? whole : `${whole}:${port}`, form, 'host and port are all')
    return `${form === ''} ${form.startsWith('[')} ${port !== undefined}`
  },
}

/** The form of a path is its own form, and has nothing that a server could read in another way. */
export const path: FuzzTarget = {
  name: 'path',
  seeds: [
    '/',
    '*',
    '/a/b?c=d',
    '//a/./b/../c',
    '/%7e%41%2f%5c',
    '/a%2e%2e/b',
    '/%c3%a9',
    '/%c0%ae',
    '/a\\b',
    '/..',
    '/a/..',
    '/.?x=/../#',
    '/%',
    '/%00',
  ].map(octets),
  words: [
    '/',
    '//',
    '/../',
    '/./',
    '..',
    '.',
    '%2e',
    '%2E',
    '%2f',
    '%5c',
    '%25',
    '%00',
    '%41',
    '%c3',
    '?',
    '#',
    '\\',
    '*',
    ';',
    '%25%32%65',
  ],
  maxBytes: 1_000,
  check(input) {
    const form = canonicalPath(input.toString('latin1'))
    if (form === undefined) return 'none'
    assert.equal(canonicalPath(form), form, 'the form of a form')
    if (form === '*') return form
    const plain = form.split('?', 1)[0] ?? ''
    assert(plain.startsWith('/') && !plain.includes('//'), 'slashes are single')
    assert(!/\/\.\.?(?:\/|$)/.test(plain), 'dot segments are resolved')
    assert(
      !/%(?:2e|2d|5f|7e|3[0-9]|4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a]|00)/i.test(plain),
      'what is unreserved is decoded',
    )
    assert(!/%[0-9A-F]?[a-f]/.test(plain), 'digits are upper case')
    if (/^[\w/.~%-]*$/.test(plain))
      assert.equal(new URL(`http://a${plain}`).pathname, plain, 'another reader leaves it as it is')
    return `${form === input.toString('latin1')} ${form.includes('?')} ${plain.endsWith('/')}`
  },
}

/** An identity's one spelling is its own. */
export const spiffeId: FuzzTarget = {
  name: 'spiffe-id',
  seeds: [
    'spiffe://mesh.example/ns/shop/sa/web',
    'SPIFFE://Mesh.Example',
    'spiffe://a/',
    'spiffe:///x',
    'spiffe://a:1/b',
    'spiffe://u@a/b',
    'spiffe://a/../b',
    'spiffe://a/b%41',
    'spiffe://a?x',
    'http://a',
  ].map(octets),
  words: [
    'spiffe://',
    'SPIFFE://',
    '/',
    '/ns/',
    '/sa/',
    '.',
    '..',
    '%',
    '@',
    ':',
    '?',
    '#',
    '\xe2\x84\xaa',
    'a',
    'Z',
    '_',
  ],
  maxBytes: 2_100,
  check(input) {
    const id = parseSpiffeId(input.toString('utf8'))
    if (!id.ok) return kindOf(id.error)
    const { text, trustDomain, path: idPath } = id.value
    assert.equal(text, `spiffe://${trustDomain}${idPath}`)
    assert.deepEqual(parseSpiffeId(text), id, 'the spelling of a spelling')
    assert.match(text, /^spiffe:\/\/[a-z0-9._-]+(\/[a-zA-Z0-9._-]+)*$/)
    return `id ${idPath === ''} ${findWorkload(id.value) !== undefined}`
  },
}

/** A duration of GEP-2257, written again, is as long. */
export const duration: FuzzTarget = {
  name: 'duration',
  seeds: ['0s', '1h30m', '10s', '250ms', '99999h99999m99999s99999ms', '1m1m', '1', '-1s', '1.5s', ' 1s', '1s\n'].map(
    octets,
  ),
  words: ['h', 'm', 's', 'ms', '1', '0', '99999', '.', '-', ' ', '\n', '1s'],
  maxBytes: 60,
  check(input) {
    const read = parseDurationMs(input.toString('latin1'))
    if (!read.ok) return 'none'
    assert(Number.isSafeInteger(read.value) && read.value >= 0, 'milliseconds are a count')
    const again = formatDuration(read.value)
    // Our own text may need more digits than what we take: only what fits is read again.
    if (!/[0-9]{6}/.test(again)) assert.deepEqual(parseDurationMs(again), read, `${again}, read again`)
    return `${read.value === 0} ${again.length}`
  },
}
