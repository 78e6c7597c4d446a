import assert from 'node:assert/strict'
import { readServerName } from '../../../sidecar/capture/client-hello.ts'
import { assertAlike, checksum } from '../cuts.ts'
import { type FuzzTarget, kindOf, octets } from '../fuzz-target.ts'

const DNS_NAME = /^[a-z0-9._-]{1,253}$/

/** The name in a ClientHello: whatever a prefix of the octets says, all of them say; `more` is the only answer that changes. */
export const clientHello: FuzzTarget = {
  name: 'client-hello',
  seeds: [
    record(hello([sni('orders.shop.svc.cluster.local'), octets('\x00\x2b\x00\x03\x02\x03\x04')])),
    record(hello([])),
    record(hello([octets('\x00\x10\x00\x05\x00\x03\x02h2'), sni('a')])),
    record(hello([sni('a'), sni('b')])),
    record(hello([sni('127.0.0.1')])),
    Buffer.concat([
      record(hello([sni('two.records')]).subarray(0, 50)),
      record(hello([sni('two.records')]).subarray(50)),
    ]),
    octets('\x16\x03\x01\x00\x02\x01\x00'),
    octets('GET / HTTP/1.1\r\n'),
  ],
  words: [
    '\x16\x03\x01\x00\x40',
    '\x01\x00\x00\x20',
    '\x00\x00\x00\x08\x00\x06\x00\x00\x03abc',
    '\x00\x00',
    '\x00\x10',
    '\xff\xff',
    'a.b',
    '.',
    '-',
  ],
  maxBytes: 70_000,
  check(input) {
    const whole = readServerName(input)
    if (whole.ok && whole.value !== undefined)
      assert(whole.value === '' || DNS_NAME.test(whole.value), 'a name is a DNS name')
    for (const length of prefixLengths(input)) {
      const part = readServerName(input.subarray(0, length))
      if (!part.ok || part.value !== undefined) assertAlike(part, whole, 'an answer that more octets change')
    }
    if (!whole.ok) return kindOf(whole.error)
    return whole.value === undefined ? 'more' : 'name'
  },
}

/** Each of them where they are few. */
export function prefixLengths(input: Buffer): number[] {
  const step = 1 + Math.floor(input.length / 200)
  const lengths: number[] = []
  for (let at = checksum(input) % step; at < input.length; at += step) lengths.push(at)
  return lengths
}

function vector(lengthBytes: 1 | 2 | 3, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const length = Buffer.alloc(lengthBytes)
  length.writeUIntBE(body.length, 0, lengthBytes)
  return Buffer.concat([length, body])
}

function sni(name: string): Buffer {
  return Buffer.concat([Buffer.alloc(2), vector(2, vector(2, Buffer.of(0), vector(2, octets(name))))])
}

function hello(extensions: readonly Buffer[]): Buffer {
  const fixed = Buffer.concat([
    Buffer.of(3, 3),
    Buffer.alloc(32, 7),
    vector(1, Buffer.alloc(8, 9)),
    vector(2, Buffer.of(0x13, 1)),
    vector(1, Buffer.of(0)),
  ])
  const all = extensions.length === 0 ? fixed : Buffer.concat([fixed, vector(2, ...extensions)])
  return Buffer.concat([Buffer.of(1), vector(3, all)])
}

function record(fragment: Buffer): Buffer {
  return Buffer.concat([Buffer.of(22, 3, 1), vector(2, fragment)])
}
