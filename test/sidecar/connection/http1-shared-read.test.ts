import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import test from 'ava'
import { canShareReads, readBuffer, receiveFrom } from '../../../sidecar/connection/shared-read.ts'

async function accepted(pauseOnConnect: boolean): Promise<{ near: Socket; far: Socket } & AsyncDisposable> {
  const server = createServer({ pauseOnConnect })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [far] = (await once(server, 'connection')) as [Socket]
  return {
    near,
    far,
    async [Symbol.asyncDispose]() {
      near.destroy()
      far.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

test('this Node lets accepted sockets read into the shared buffer', () => assert.equal(canShareReads, true))

for (const pauseOnConnect of [true, false]) {
  test(`an accepted socket reads into the shared buffer, pauses, resumes and ends (paused at first: ${pauseOnConnect})`, async () => {
    await using pair = await accepted(pauseOnConnect)
    const { near, far } = pair
    let read = ''
    receiveFrom(far, (chunk, length) => {
      assert.equal(chunk, readBuffer)
      read += chunk.toString('latin1', 0, length)
      far.pause()
      setImmediate(() => far.resume())
    })
    far.resume()
    near.write('hello ')
    while (read === '') await new Promise((resolve) => setImmediate(resolve))
    near.end('world'.repeat(40_000))
    await once(far, 'end')
    assert.equal(read, `hello ${'world'.repeat(40_000)}`)
  })
}

test('what was read before is not lost', async () => {
  await using pair = await accepted(false)
  const { near, far } = pair
  near.write('early')
  while (far.readableLength === 0) await new Promise((resolve) => setImmediate(resolve))
  let read = ''
  receiveFrom(far, (chunk, length) => {
    read += chunk.toString('latin1', 0, length)
  })
  far.resume()
  near.end(' late')
  await once(far, 'end')
  assert.equal(read, 'early late')
})
