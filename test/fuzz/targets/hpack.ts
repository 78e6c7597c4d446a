import assert from 'node:assert/strict'
import { OutputBuffer } from '../../../sidecar/http2/frame/output-buffer.ts'
import { HpackDecoder } from '../../../sidecar/http2/hpack/decoder.ts'
import { HpackEncoder } from '../../../sidecar/http2/hpack/encoder.ts'
import type { HeaderBlock } from '../../../sidecar/http2/hpack/header-block.ts'
import { assertAlike } from '../cuts.ts'
import { type FuzzTarget, octets } from '../fuzz-target.ts'
import { PlainHpackDecoder } from './plain-hpack.ts'

const TABLE_BYTES = 256
const LIMITS = { listBytes: 1_500, fieldCount: 24 }

/** Blocks one after the other in one connection, each behind an octet with its length. */
export const hpack: FuzzTarget = {
  name: 'hpack',
  seeds: [
    blocks(
      '828684418cf1e3c2e5f23a6ba0ab90f4ff',
      '828684be5886a8eb10649cbf',
      '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
    ), // RFC 7541 §C.4
    blocks('400a637573746f6d2d6b65790d637573746f6d2d686561646572', 'be', 'bebe', '8286be'), // §C.2.1
    blocks('040c2f73616d706c652f70617468', '100870617373776f726406736563726574', '82'), // §C.2.2, §C.2.3
    blocks('8286844003782d310131', '82868441016182', '828684be4003782d320132', '828684bebf', '828684bebf'),
    blocks('4001610162', '4001630164', '828684bebf', '20', '4001650166', '828684bebf', '3fe101828684be'),
    blocks('4001610162', '4001630164', '828684bebf', '20', '828684bebf'),
    blocks('20828684', '3fe10182', '203fe10182be', '3fe20182'),
    blocks('4006636f6f6b696503613d62', '60036161626003636364', '0f2d01610f0d0131'),
    blocks(
      ...Array.from(
        { length: 12 },
        (_, i) =>
          `40027831${'20'}${String.fromCharCode(97 + i)
            .repeat(32)
            .replace(/./g, '61')}`,
      ),
    ),
    blocks('8286845386a8eb10649cbf', '0085f2b24a84ff84f2b24a84ff', '00016100', '7f800100', 'ff8080808010'),
  ],
  words: [
    '\x82',
    '\x86',
    '\x84',
    '\xbe',
    '\xbf',
    '\x40',
    '\x20',
    '\x3f',
    '\x7f',
    '\xff',
    '\x80',
    '\x00',
    '\x10',
    '\x03abc',
    '\x83',
    'cookie',
    'te',
    ':path',
  ],
  maxBytes: 4_000,
  check(input) {
    const decoder = new HpackDecoder(TABLE_BYTES, LIMITS)
    const plain = new PlainHpackDecoder(TABLE_BYTES)
    let count = 0
    for (const block of blocksOf(input)) {
      const padded = Buffer.concat([Buffer.of(0x82), block, Buffer.of(0x40)]) // no octet around a block is read
      const said = decoder.decode(padded, 1, 1 + block.length)
      const expected = plain.decode(block, LIMITS)
      assert(decoder.tableBytes <= TABLE_BYTES, 'the table is bounded')
      if (typeof said === 'string') {
        assert.equal(expected, undefined, `"${said}" of a block that is one`)
        return `${Math.min(count, 4)} ${said}`
      }
      assert(expected !== undefined, 'a block was decoded that is none')
      assertAlike(contentOf(said), contentOf(expected), 'the fields of a block')
      assert(said.fields.length <= 2 * LIMITS.fieldCount && said.fields.join('').length <= LIMITS.listBytes)
      assertEncodesBack(said)
      count++
    }
    return `${Math.min(count, 4)}`
  },
}

/** What was decoded, encoded twice on one connection, is decoded twice as it was. */
function assertEncodesBack(block: HeaderBlock): void {
  if (block.malformed !== undefined || block.fields.length === 0) return
  const encoder = new HpackEncoder(TABLE_BYTES)
  const decoder = new HpackDecoder(TABLE_BYTES, { listBytes: 1e6, fieldCount: 1e3 })
  for (let i = 0; i < 3; i++) {
    const out = new OutputBuffer()
    encoder.begin(out)
    encoder.fields(out, block.fields)
    const coded = out.take()
    const again = decoder.decode(coded, 0, coded.length)
    assert(typeof again !== 'string', 'our own block is one')
    assertAlike(again.fields, block.fields, 'the fields, encoded and decoded again')
  }
}

/** What a block says, without what is found later and kept with it. */
function contentOf({
  run: _,
  openRequest: _1,
  endedRequest: _2,
  openResponse: _3,
  endedResponse: _4,
  line: _5,
  ...content
}: HeaderBlock): object {
  return content
}

function blocks(...hex: readonly string[]): Buffer {
  return Buffer.concat(
    hex.map((text) => Buffer.concat([Buffer.of(text.length / 2), octets(Buffer.from(text, 'hex').toString('latin1'))])),
  )
}

/** At most 32, and no longer than there are octets. */
export function* blocksOf(input: Buffer): Generator<Buffer> {
  for (let at = 0, count = 0; at < input.length && count < 32; count++) {
    const end = Math.min(input.length, at + 1 + (input[at] ?? 0))
    yield input.subarray(at + 1, end)
    at = end
  }
}
