import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import test from 'ava'
import { SocketWriter } from '../../../sidecar/connection/socket-writer.ts'

/** A socket whose other end reads nothing until `readAll`, which gives all that came until the end. */
async function unread() {
  const server = createServer({ pauseOnConnect: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [reader] = (await once(server, 'connection')) as [Socket]
  server.close()
  if (socket.connecting) await once(socket, 'connect')
  return {
    socket,
    async readAll(): Promise<Buffer> {
      return Buffer.concat(await reader.toArray())
    },
    [Symbol.dispose]() {
      socket.destroy()
      reader.destroy()
    },
  }
}

test('octets that the kernel has not taken yet are not overwritten by those that follow, on this socket or another', async () => {
  using slow = await unread()
  using other = await unread()
  const writer = new SocketWriter(slow.socket)
  const otherWriter = new SocketWriter(other.socket)
  const sent: Buffer[] = []
  for (let i = 0; i < 4 || slow.socket.writableLength < 1_000_000; i++) {
    const piece = Buffer.alloc(40_000, i)
    sent.push(piece)
    writer.bytes(piece)
    writer.flush()
    otherWriter.bytes(Buffer.alloc(40_000, 0xff))
    otherWriter.flush()
  }
  writer.end()
  assert(Buffer.concat(sent).equals(await slow.readAll()))
})

test.serial('the bulk of a slow reader goes through a few buffers, however long it is', async () => {
  using pair = await unread()
  const writer = new SocketWriter(pair.socket)
  const piece = Buffer.alloc(64 * 1024, 'x')
  const reading = pair.readAll()
  const allocate = Buffer.allocUnsafeSlow
  const from = Buffer.from
  let taken = 0
  Buffer.allocUnsafeSlow = (size) => {
    taken++
    return allocate(size)
  }
  Buffer.from = ((...args: Parameters<typeof from>) => {
    if (Buffer.isBuffer(args[0])) taken++
    return from(...args)
  }) as typeof from
  try {
    for (let i = 0; i < 400; i++) {
      writer.bytes(piece)
      if (writer.unsentBytes > 256 * 1024) await once(pair.socket, 'drain')
    }
  } finally {
    Buffer.allocUnsafeSlow = allocate
    Buffer.from = from
  }
  writer.end()
  assert.equal((await reading).length, 400 * piece.length)
  assert(taken <= 16, `${taken} buffers`)
})

test('what one turn says is one write, in its order, and the end comes after it', async () => {
  using pair = await unread()
  const writer = new SocketWriter(pair.socket)
  const large = Buffer.alloc(200_000, 'b')
  writer.text('head ')
  writer.bytes(Buffer.from('small '))
  assert.equal(writer.writeCount, 0)
  writer.bytes(large)
  writer.text(' tail')
  writer.flushSoon()
  writer.end()
  assert.equal((await pair.readAll()).toString('latin1'), `head small ${large} tail`)
})

test('after the end nothing is written any more', async () => {
  using pair = await unread()
  const writer = new SocketWriter(pair.socket)
  writer.text('all')
  writer.end()
  writer.text('late')
  writer.flush()
  writer.bytes(Buffer.alloc(100_000))
  writer.flush()
  assert.equal((await pair.readAll()).toString(), 'all')
})
