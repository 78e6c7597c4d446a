import assert from 'node:assert/strict'
import test from 'ava'
import { HpackDecoder } from '../../../sidecar/http2/hpack/decoder.ts'
import type { HeaderBlock } from '../../../sidecar/http2/hpack/header-block.ts'
import { readInteger, writeInteger } from '../../../sidecar/http2/hpack/integer.ts'
import { STATIC_COUNT } from '../../../sidecar/http2/hpack/static-table.ts'

const LIMITS = { listBytes: 65_536, fieldCount: 128 }
const hex = (text: string): Buffer => Buffer.from(text, 'hex')

/** Prefix bits, the value, its octets. */
const INTEGERS: Record<string, [number, number, string]> = {
  'C.1.1': [5, 10, '0a'],
  'C.1.2': [5, 1_337, '1f9a0a'],
  'C.1.3': [8, 42, '2a'],
}

for (const [section, [prefixBits, value, text]] of Object.entries(INTEGERS)) {
  test(`${section}: ${value} behind a prefix of ${prefixBits} bits is read and written`, () => {
    const octets = hex(text)
    assert.deepEqual(readInteger(octets, 0, octets.length, prefixBits), { value, next: octets.length })
    const written = Buffer.alloc(8)
    assert.equal(written.subarray(0, writeInteger(written, 0, value, prefixBits, 0)).toString('hex'), text)
  })
}

/** A block; its fields; the dynamic table behind it, the newest entry first, and its size. */
type Example = readonly [
  section: string,
  octets: string,
  fields: readonly string[],
  table: readonly string[],
  bytes: number,
]

const GET = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com']
const SECURE = [':method', 'GET', ':scheme', 'https', ':path', '/index.html', ':authority', 'www.example.com']
const NO_CACHE = ['cache-control', 'no-cache']
const CUSTOM = ['custom-key', 'custom-value']
const AUTHORITY = [':authority', 'www.example.com']
const LOCATION = ['location', 'https://www.example.com']
const FIRST_DATE = ['date', 'Mon, 21 Oct 2013 20:13:21 GMT']
const SECOND_DATE = ['date', 'Mon, 21 Oct 2013 20:13:22 GMT']
const PRIVATE = ['cache-control', 'private']
const GZIP = ['content-encoding', 'gzip']
const COOKIE = ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1']

const REQUESTS = [
  [GET, AUTHORITY, 57],
  [[...GET, ...NO_CACHE], [...NO_CACHE, ...AUTHORITY], 110],
  [[...SECURE, ...CUSTOM], [...CUSTOM, ...NO_CACHE, ...AUTHORITY], 164],
] as const
const RESPONSES = [
  [
    [':status', '302', ...PRIVATE, ...FIRST_DATE, ...LOCATION],
    [...LOCATION, ...FIRST_DATE, ...PRIVATE, ':status', '302'],
    222,
  ],
  [
    [':status', '307', ...PRIVATE, ...FIRST_DATE, ...LOCATION],
    [':status', '307', ...LOCATION, ...FIRST_DATE, ...PRIVATE],
    222,
  ],
  [
    [':status', '200', ...PRIVATE, ...SECOND_DATE, ...LOCATION, ...GZIP, ...COOKIE],
    [...COOKIE, ...GZIP, ...SECOND_DATE],
    215,
  ],
] as const

/** The blocks of one connection, with what they must give. */
const inTurn = (
  section: string,
  given: readonly (readonly [readonly string[], readonly string[], number])[],
  blocks: readonly string[],
): Example[] => given.map(([fields, table, bytes], i) => [`${section}.${i + 1}`, blocks[i] ?? '', fields, table, bytes])

/** Examples of one decoder each, with the size of its table. */
const CONNECTIONS: readonly (readonly [tableBytes: number, examples: readonly Example[]])[] = [
  [
    4_096,
    [
      [
        'C.2.1',
        '400a637573746f6d2d6b65790d637573746f6d2d686561646572',
        ['custom-key', 'custom-header'],
        ['custom-key', 'custom-header'],
        55,
      ],
    ],
  ],
  [4_096, [['C.2.2', '040c2f73616d706c652f70617468', [':path', '/sample/path'], [], 0]]],
  [4_096, [['C.2.3', '100870617373776f726406736563726574', ['password', 'secret'], [], 0]]],
  [4_096, [['C.2.4', '82', [':method', 'GET'], [], 0]]],
  [
    4_096,
    inTurn('C.3', REQUESTS, [
      '828684410f7777772e6578616d706c652e636f6d',
      '828684be58086e6f2d6361636865',
      '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
    ]),
  ],
  [
    4_096,
    inTurn('C.4', REQUESTS, [
      '828684418cf1e3c2e5f23a6ba0ab90f4ff',
      '828684be5886a8eb10649cbf',
      '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
    ]),
  ],
  [
    256,
    inTurn('C.5', RESPONSES, [
      '4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d',
      '4803333037c1c0bf',
      '88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31',
    ]),
  ],
  [
    256,
    inTurn('C.6', RESPONSES, [
      '488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
      '4883640effc1c0bf',
      '88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
    ]),
  ],
]

for (const [tableBytes, examples] of CONNECTIONS) {
  for (const [i, [section, , fields, table, bytes]] of examples.entries()) {
    test(`${section}: the block gives its fields, and leaves a table of ${bytes} octets`, () => {
      const decoder = new HpackDecoder(tableBytes, LIMITS)
      for (const [, before] of examples.slice(0, i)) decode(decoder, hex(before))
      assert.deepEqual(fieldsOf(decode(decoder, hex(examples[i]?.[1] ?? ''))), fields)
      assert.equal(decoder.tableBytes, bytes)
      assert.deepEqual(tableOf(decoder), table)
    })
  }
}

function decode(decoder: HpackDecoder, octets: Buffer): HeaderBlock {
  const block = decoder.decode(octets, 0, octets.length)
  assert(typeof block !== 'string', String(block))
  return block
}

/** All fields, in the order of the examples: pseudo-fields first. */
function fieldsOf({ method, scheme, path, authority, status, fields }: HeaderBlock): string[] {
  const pseudo = { ':method': method, ':scheme': scheme, ':path': path, ':authority': authority, ':status': status }
  return [...Object.entries(pseudo).flatMap(([name, value]) => (value === undefined ? [] : [name, value])), ...fields]
}

/** The entries of the dynamic table, asked for by index until there is none. */
function tableOf(decoder: HpackDecoder): string[] {
  const entries: string[] = []
  for (let index = STATIC_COUNT + 1; ; index++) {
    const block = decoder.decode(Buffer.from([0x80 | index]), 0, 1)
    if (typeof block === 'string') return entries
    entries.push(...fieldsOf(block))
  }
}
