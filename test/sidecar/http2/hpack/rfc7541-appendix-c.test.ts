import assert from 'node:assert/strict'
import test from 'ava'
import { OutputBuffer } from '../../../../sidecar/http2/frame/output-buffer.ts'
import { HpackDecoder } from '../../../../sidecar/http2/hpack/decoder.ts'
import type { HeaderBlock } from '../../../../sidecar/http2/hpack/header-block.ts'
import { decodeHuffman, huffmanLength, writeHuffman } from '../../../../sidecar/http2/hpack/huffman.ts'
import { readInteger, writeInteger } from '../../../../sidecar/http2/hpack/integer.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')
const LIMITS = { listBytes: 65_536, fieldCount: 128 }

function decode(decoder: HpackDecoder, text: string): HeaderBlock {
  const octets = hex(text)
  const block = decoder.decode(octets, 0, octets.length)
  assert(typeof block !== 'string', String(block))
  return block
}

test('readInteger and writeInteger agree with C.1', () => {
  const cases: [string, number, number][] = [
    ['0a', 5, 10],
    ['1f9a0a', 5, 1337],
    ['2a', 8, 42],
  ]
  for (const [text, prefixBits, value] of cases) {
    const octets = hex(text)
    assert.deepEqual(readInteger(octets, 0, octets.length, prefixBits), { value, next: octets.length })
    const written = Buffer.alloc(8)
    const end = writeInteger(written, 0, value, prefixBits, 0)
    assert.equal(written.subarray(0, end).toString('hex'), text)
  }
})

test('readInteger refuses six continuation octets, values past 2^31 − 1 and a missing end', () => {
  const longest = hex('1f 80 80 80 80 80 00')
  assert.equal(readInteger(longest, 0, longest.length, 5), 'overflow')
  const biggest = hex('7f ff ff ff ff 0f')
  assert.equal(readInteger(biggest, 0, biggest.length, 7), 'overflow')
  const cut = hex('1f 9a')
  assert.equal(readInteger(cut, 0, cut.length, 5), 'truncated')
  assert.equal(readInteger(cut, 2, cut.length, 5), 'truncated')
})

test('a decoder reads the literals of C.2', () => {
  const literal = new HpackDecoder(4096, LIMITS)
  assert.deepEqual(decode(literal, '400a637573746f6d2d6b65790d637573746f6d2d686561646572').fields, [
    'custom-key',
    'custom-header',
  ])
  assert.equal(literal.tableBytes, 55)
  const plain = new HpackDecoder(4096, LIMITS)
  assert.equal(decode(plain, '040c2f73616d706c652f70617468').path, '/sample/path')
  assert.equal(plain.tableBytes, 0)
  assert.deepEqual(decode(plain, '100870617373776f726406736563726574').fields, ['password', 'secret'])
  assert.equal(plain.tableBytes, 0)
})

// Each row: block, dynamic table size after it. C.3 without and C.4 with Huffman code.
const REQUESTS: Record<string, [string, number][]> = {
  'C.3': [
    ['828684410f7777772e6578616d706c652e636f6d', 57],
    ['828684be58086e6f2d6361636865', 110],
    ['828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565', 164],
  ],
  'C.4': [
    ['828684418cf1e3c2e5f23a6ba0ab90f4ff', 57],
    ['828684be5886a8eb10649cbf', 110],
    ['828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf', 164],
  ],
}

for (const [section, rows] of Object.entries(REQUESTS)) {
  test(`a decoder reads the requests of ${section}`, () => {
    const decoder = new HpackDecoder(4096, LIMITS)
    const blocks = rows.map(([text, bytes]) => {
      const block = decode(decoder, text)
      assert.equal(decoder.tableBytes, bytes)
      return [block.method, block.scheme, block.path, block.authority, ...block.fields]
    })
    assert.deepEqual(blocks, [
      ['GET', 'http', '/', 'www.example.com'],
      ['GET', 'http', '/', 'www.example.com', 'cache-control', 'no-cache'],
      ['GET', 'https', '/index.html', 'www.example.com', 'custom-key', 'custom-value'],
    ])
  })
}

const RESPONSES: Record<string, [string, number][]> = {
  'C.5': [
    [
      '4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d',
      222,
    ],
    ['4803333037c1c0bf', 222],
    [
      '88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31',
      215,
    ],
  ],
  'C.6': [
    [
      '488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
      222,
    ],
    ['4883640effc1c0bf', 222],
    [
      '88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
      215,
    ],
  ],
}

for (const [section, rows] of Object.entries(RESPONSES)) {
  test(`a decoder with a table of 256 octets reads the responses of ${section} and evicts`, () => {
    const decoder = new HpackDecoder(256, LIMITS)
    const [first, second, third] = rows.map(([text, bytes]) => {
      const block = decode(decoder, text)
      assert.equal(decoder.tableBytes, bytes)
      return block
    })
    const shared = ['cache-control', 'private', 'date', 'Mon, 21 Oct 2013 20:13:21 GMT']
    assert.equal(first?.status, '302')
    assert.deepEqual(first?.fields, [...shared, 'location', 'https://www.example.com'])
    assert.equal(second?.status, '307')
    assert.deepEqual(second?.fields, [...shared, 'location', 'https://www.example.com'])
    assert.equal(third?.status, '200')
    assert.deepEqual(third?.fields.slice(2), [
      'date',
      'Mon, 21 Oct 2013 20:13:22 GMT',
      'location',
      'https://www.example.com',
      'content-encoding',
      'gzip',
      'set-cookie',
      'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
    ])
  })
}

test('Huffman code carries every octet there and back, and is as long as announced', () => {
  const every = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join('')
  for (const text of [every, '', 'a', 'www.example.com', every.repeat(3)]) {
    const coded = Buffer.alloc(huffmanLength(text) + 4)
    const end = writeHuffman(coded, 0, text)
    assert.equal(end, huffmanLength(text))
    const decoded = Buffer.alloc(text.length + 8)
    assert.equal(decoded.toString('latin1', 0, decodeHuffman(coded, 0, end, decoded, 0)), text)
  }
  const output = new OutputBuffer()
  output.appendText('\u010a')
  assert.equal(output.take().toString('latin1'), '?')
})

test('Huffman padding must be the start of the end of string and shorter than an octet', () => {
  const into = Buffer.alloc(64)
  const decodes = (text: string): number => decodeHuffman(hex(text), 0, hex(text).length, into, 0)
  assert.equal(decodes('1f'), 1, '"a" and three ones')
  assert.equal(decodes('18'), -1, '"a" and zeros')
  assert.equal(decodes('1fff'), -1, 'eleven bits of padding')
  assert.equal(decodes('ff'), -1, 'eight bits of padding')
  assert.equal(decodes('ffffffff'), -1, 'the end of string itself')
})
