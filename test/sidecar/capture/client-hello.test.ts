import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { connect } from 'node:tls'
import test from 'ava'
import fc from 'fast-check'
import { readServerName } from '../../../sidecar/capture/client-hello.ts'

const u8 = (value: number): Buffer => Buffer.from([value])
const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255])
const u24 = (value: number): Buffer => Buffer.from([value >> 16, (value >> 8) & 255, value & 255])
const vector8 = (...parts: Buffer[]): Buffer => Buffer.concat([u8(Buffer.concat(parts).length), ...parts])
const vector16 = (...parts: Buffer[]): Buffer => Buffer.concat([u16(Buffer.concat(parts).length), ...parts])

const hostName = (name: string, type = 0): Buffer =>
  Buffer.concat([u16(0), vector16(vector16(u8(type), vector16(Buffer.from(name, 'latin1'))))])
const OTHER = Buffer.concat([u16(43), vector16(vector8(u16(0x0304)))])

const hello = (...extensions: Buffer[]): Buffer => {
  const body = Buffer.concat([
    u16(0x0303),
    Buffer.alloc(32, 7),
    vector8(Buffer.alloc(32, 9)),
    vector16(u16(0x1301), u16(0x1302)),
    vector8(u8(0)),
    ...(extensions.length === 0 ? [] : [vector16(...extensions)]),
  ])
  return Buffer.concat([u8(1), u24(body.length), body])
}
const record = (fragment: Buffer): Buffer => Buffer.concat([Buffer.from([22, 3, 1]), vector16(fragment)])

const nameOf = (octets: Buffer): string => {
  const read = readServerName(octets)
  return read.ok ? (read.value ?? 'more') : `error: ${read.error}`
}

/** The first octets that a real client sends. */
async function realHello(servername: string): Promise<Buffer> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = connect({ host: '127.0.0.1', port, servername, rejectUnauthorized: false })
  client.on('error', () => undefined)
  const [socket] = await once(server, 'connection')
  const [octets] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  client.destroy()
  server.close()
  return octets
}

test('the name that a real client asks for is read', async () => {
  assert.equal(nameOf(await realHello('orders.shop.svc.cluster.local')), 'orders.shop.svc.cluster.local')
  assert.equal(nameOf(await realHello('')), '')
})

const NAMES: readonly (readonly [string, string])[] = [
  ['orders', 'orders'],
  ['Orders.Shop', 'orders.shop'],
  ['1.orders', '1.orders'],
  ['_dmarc.a-b.c', '_dmarc.a-b.c'],
  [`${'a'.repeat(63)}.b`, `${'a'.repeat(63)}.b`],
]
for (const [said, name] of NAMES) {
  test(`the name ${said.slice(0, 20)} is read in lower case`, () =>
    assert.equal(nameOf(record(hello(OTHER, hostName(said)))), name))
}

const WRONG: readonly (readonly [string, Buffer, RegExp])[] = [
  ['an empty name', record(hello(hostName(''))), /"" ?, which is no DNS name|"", which/],
  ['a name with NUL', record(hello(hostName('orders\0.evil'))), /no DNS name/],
  ['a name beyond ASCII', record(hello(hostName('ördérs'))), /no DNS name/],
  ['a name with a blank', record(hello(hostName('a b'))), /no DNS name/],
  ['a name with a dot at its end', record(hello(hostName('orders.'))), /no DNS name/],
  ['an address', record(hello(hostName('127.0.0.1'))), /no DNS name/],
  ['a long label', record(hello(hostName('a'.repeat(64)))), /no DNS name/],
  ['a long name', record(hello(hostName('a.'.repeat(127).concat('a')))), /no DNS name/],
  ['another type of name', record(hello(hostName('orders', 1))), /list of server names that is none/],
  ['two names', record(hello(hostName('a'), hostName('b'))), /two lists/],
  ['an empty list of names', record(hello(Buffer.concat([u16(0), vector16(vector16())]))), /that is none/],
  ['extensions past the end', record(hello(Buffer.concat([u16(0), u16(400)]))), /end too early/],
  ['a message that ends in its head', record(Buffer.concat([u8(1), u24(3), Buffer.alloc(3)])), /ends too early/],
  ['another handshake', record(Buffer.concat([u8(2), u24(1), u8(0)])), /does not begin with a ClientHello/],
  ['a message of 16 MiB', record(Buffer.concat([u8(1), u24(0xffffff)])), /a ClientHello of 16777215 octets/],
  ['an empty record', Buffer.from([22, 3, 1, 0, 0]), /a record of 0 octets/],
  ['a record of 20 KiB', Buffer.from([22, 3, 1, 0x50, 0]), /a record of 20480 octets/],
  ['data in the middle', Buffer.concat([record(u8(1)), Buffer.from([23, 3, 3, 0, 1, 0])]), /no handshake/],
]
for (const [what, octets, error] of WRONG) {
  test(`${what} is refused with what is wrong`, () => assert.match(nameOf(octets), error))
}

test('a ClientHello without extensions names nobody', () => assert.equal(nameOf(record(hello())), ''))

test('however it is cut, in records and in reads, the same name is read, and nothing sooner', () => {
  const message = hello(OTHER, hostName('orders.shop'))
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 20 }), fc.nat(400), (sizes, read) => {
      const records: Buffer[] = []
      let at = 0
      for (const size of sizes) {
        if (at >= message.length) break
        records.push(record(message.subarray(at, at + size)))
        at += size
      }
      if (at < message.length) records.push(record(message.subarray(at)))
      const octets = Buffer.concat([...records])
      assert.equal(nameOf(Buffer.concat([octets, Buffer.from('anything')])), 'orders.shop')
      if (read < octets.length) assert.equal(nameOf(octets.subarray(0, read)), 'more')
    }),
  )
})

test('no octets make it throw', () => {
  const start = record(hello(OTHER, hostName('orders')))
  fc.assert(
    fc.property(fc.nat(start.length), fc.uint8Array({ maxLength: 60 }), (at, noise) => {
      const octets = Buffer.from(start)
      octets.set(noise.subarray(0, octets.length - at), at)
      nameOf(octets)
    }),
    { numRuns: 5_000 },
  )
})

test('a ClientHello in up to 64 records is read, and one in more is refused: each read would look at all of them again', () => {
  const message = hello(OTHER, hostName('orders'))
  const inRecords = (count: number): Buffer => {
    const octets = [...message.subarray(0, count - 1)].map((octet) => record(Buffer.from([octet])))
    return Buffer.concat([...octets, record(message.subarray(count - 1))])
  }
  assert.equal(nameOf(inRecords(64)), 'orders')
  assert.match(nameOf(inRecords(65)), /in more than 64 records/)
})
