import assert from 'node:assert/strict'
import test from 'ava'
import fc from 'fast-check'
import type { Fields } from '../../../../sidecar/http/head.ts'
import { OutputBuffer } from '../../../../sidecar/http2/frame/output-buffer.ts'
import { HpackDecoder } from '../../../../sidecar/http2/hpack/decoder.ts'
import { HpackEncoder } from '../../../../sidecar/http2/hpack/encoder.ts'
import type { HeaderBlock } from '../../../../sidecar/http2/hpack/header-block.ts'

const LIMITS = { listBytes: 65_536, fieldCount: 128 }

function encode(encoder: HpackEncoder, fields: Fields, fresh: Fields = []): Buffer {
  const out = new OutputBuffer()
  encoder.begin(out)
  encoder.fields(out, fields)
  encoder.freshFields(out, fresh)
  return out.take()
}

function decode(decoder: HpackDecoder, octets: Buffer): HeaderBlock {
  const block = decoder.decode(octets, 0, octets.length)
  assert(typeof block !== 'string', String(block))
  return block
}

const NAMES = [
  'accept',
  'x-a',
  'x-b',
  'x-request-id',
  'authorization',
  'set-cookie',
  'date',
  'constructor',
  '__proto__',
]
const VALUES = ['', 'a', 'b', 'gzip', 'v'.repeat(40), 'w'.repeat(300), 'é\u00ff', '1'.repeat(1500)]
const list = fc
  .array(
    fc.tuple(fc.constantFrom(...NAMES), fc.oneof(fc.constantFrom(...VALUES), fc.stringMatching(/^[!-~]{0,20}$/))),
    {
      maxLength: 20,
    },
  )
  .map((pairs): Fields => pairs.flat())

test('any sequence of lists comes back as sent, whatever the table size does in between', () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('list' as const), list }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('again' as const), back: fc.nat(5) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('size' as const), bytes: fc.constantFrom(0, 40, 300, 4096, 99_999) }),
    },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const encoder = new HpackEncoder(4096)
      const decoder = new HpackDecoder(4096, LIMITS)
      const sent: Fields[] = [[]]
      for (const next of steps) {
        if (next.kind === 'size') encoder.allowTable(next.bytes)
        else {
          const fields = next.kind === 'list' ? next.list : (sent.at(-1 - next.back) ?? [])
          sent.push(fields)
          assert.deepEqual(decode(decoder, encode(encoder, fields)).fields, fields)
          assert.equal(decoder.tableBytes, encoder.tableBytes)
        }
      }
    }),
    { seed: 7, numRuns: 300 },
  )
})

test('a head that repeats becomes indexes only, and the tables come to rest', () => {
  const encoder = new HpackEncoder(4096)
  const decoder = new HpackDecoder(4096, LIMITS)
  const fields = ['accept', 'application/json', 'user-agent', 'curl/8', 'x-tenant', 'blue', 'x-long', 'z'.repeat(200)]
  for (let i = 0; i < 3; i++) decode(decoder, encode(encoder, fields))
  const settled = encoder.tableBytes
  const octets = encode(encoder, fields)
  assert.equal(octets.length, 4)
  assert.equal(encoder.tableBytes, settled)
  assert.equal(encode(encoder, [...fields]).length, 4, 'an equal list that is another object')
  assert.equal(decode(decoder, octets), decode(decoder, octets), 'the same block, not an equal one')
})

test('a trace id costs its octets and an index, and does not disturb the cached run before it', () => {
  const encoder = new HpackEncoder(4096)
  const decoder = new HpackDecoder(4096, LIMITS)
  const fields = ['accept', '*/*', 'x-tenant', 'blue']
  for (let i = 0; i < 200; i++) {
    const id = `00-${String(i).padStart(32, '0')}-${'1'.repeat(16)}-01`
    const octets = encode(encoder, fields, ['traceparent', id])
    assert.deepEqual(decode(decoder, octets).fields, [...fields, 'traceparent', id])
    if (i > 3) assert.equal(octets.length, 2 + 3 + 55)
  }
})

test('secrets are never indexed and say so', () => {
  const encoder = new HpackEncoder(4096)
  for (let i = 0; i < 3; i++) {
    assert.equal(encode(encoder, ['authorization', 'Bearer x'])[0], 0x1f)
    assert.equal(encode(encoder, ['x-api-key', 'k'])[0], 0x10)
  }
  assert.equal(encoder.tableBytes, 0)
})

test('the encoder keeps a table of at most its own limit', () => {
  const encoder = new HpackEncoder(4096)
  encoder.allowTable(2 ** 31)
  for (let i = 0; i < 400; i++)
    for (let twice = 0; twice < 2; twice++) encode(encoder, ['x-a', `${i}`.padEnd(500, 'x')])
  for (let i = 0; i < 400; i++)
    for (let twice = 0; twice < 2; twice++) encode(encoder, ['x-a', `${i}`.padEnd(200, 'x')])
  assert(encoder.tableBytes <= 4096)
})

test('a shrunk and regrown table is announced with both sizes before the next block (RFC 7541 §4.2)', () => {
  const encoder = new HpackEncoder(4096)
  encoder.allowTable(0)
  encoder.allowTable(100)
  assert.equal(encode(encoder, []).toString('hex'), '203f45')
})

test('decoders refuse what RFC 7541 calls an error', () => {
  const cases: [string, string][] = [
    ['80', 'bad index'], // §6.1: index 0
    ['be', 'bad index'], // §2.3.3: the dynamic table is empty
    ['8286be', 'bad index'],
    ['ffffffffffffff', 'overflow'],
    ['7f', 'truncated'],
    ['4005', 'truncated'],
    ['400161', 'truncated'],
    ['3fe21f', 'bad table size update'], // 4097
    ['823f00', 'bad table size update'], // not at the start
    ['0001618118', 'bad huffman code'],
  ]
  for (const [text, fault] of cases) {
    const octets = Buffer.from(text, 'hex')
    assert.equal(new HpackDecoder(4096, LIMITS).decode(octets, 0, octets.length), fault, text)
  }
})

test('every field is charged: 100,000 references to one entry are dropped after the limit (CVE-2026-47774)', () => {
  const decoder = new HpackDecoder(4096, LIMITS)
  decode(decoder, Buffer.from('4001610162', 'hex'))
  const block = decode(decoder, Buffer.alloc(60_000, 0xbe))
  assert.equal(block.isTooLarge, true)
  assert.equal(block.fields.length, 256)
})

test('random octets never throw and never leave a table above its size', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 8 }), (blocks) => {
      const decoder = new HpackDecoder(256, LIMITS)
      for (const block of blocks) decoder.decode(Buffer.from(block), 0, block.length)
      assert(decoder.tableBytes <= 256)
    }),
    { seed: 11, numRuns: 2_000 },
  )
})

test('a cached block is not used once the table changed', () => {
  const decoder = new HpackDecoder(4096, LIMITS)
  decode(decoder, Buffer.from('4001610162', 'hex'))
  const run = Buffer.from('bebe', 'hex')
  assert.deepEqual(decode(decoder, run).fields, ['a', 'b', 'a', 'b'])
  decode(decoder, Buffer.from('4001630164', 'hex'))
  assert.deepEqual(decode(decoder, run).fields, ['c', 'd', 'c', 'd'])
})
