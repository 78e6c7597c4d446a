import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import test from 'ava'
import { eventually } from '../../support/eventually.ts'
import { startTestMesh, type TestMesh } from '../../support/mesh.ts'
import { MeshLoad } from '../../support/mesh-load.ts'

/** Calls `answer` with the socket for each request head that arrives. */
const eachRequest =
  (answer: (socket: Socket, head: string) => void) =>
  (socket: Socket): void => {
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const head = text.slice(0, end)
        text = text.slice(end + 4)
        answer(socket, head)
      }
    })
  }

test('an application that closes each connection after its answer, without saying so, fails none of 300 GETs', async () => {
  let connections = 0
  const answer = eachRequest((socket) => {
    connections++
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
    // now, in the next turn, or a moment later: the request that follows meets the end at every stage
    if (connections % 3 === 0) socket.end()
    else if (connections % 3 === 1) setImmediate(() => socket.end())
    else setTimeout(() => socket.destroy(), 1)
  })
  await using mesh = await startTestMesh({ services: { orders: { raw: answer } }, callers: ['web'] })
  const failures: string[] = []
  for (let i = 0; i < 300; i++) {
    const { status, text } = await mesh.call('web', 'orders', '/')
    if (status !== 200) failures.push(`${i}: ${status} ${text}`)
    if (i % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  assert.deepEqual(failures, [])
})

test('an application that closes what is idle for 40 ms loses none of the POSTs that come just then', async () => {
  let closed = 0
  const raw = (socket: Socket): void => {
    let isClosing = false
    let patience: NodeJS.Timeout | undefined
    socket.on('close', () => clearTimeout(patience))
    eachRequest(() => {
      clearTimeout(patience)
      if (isClosing) return void socket.destroy()
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
      // Between the decision and the end that we see there is time, in which a request is lost.
      patience = setTimeout(() => {
        isClosing = true
        patience = setTimeout(() => {
          closed++
          socket.destroy()
        }, 10)
      }, 40)
    })(socket)
  }
  await using mesh = await startTestMesh({ services: { orders: { raw } }, callers: ['web'] })
  assert.equal((await mesh.call('web', 'orders', '/')).status, 200)
  await eventually('the application closed an idle connection', () => closed === 1)
  const failures: string[] = []
  for (let i = 0; i < 60; i++) {
    const { status, text } = await mesh.call('web', 'orders', '/', { method: 'POST' })
    if (status !== 200) failures.push(`${i}: ${status} ${text}`)
    await new Promise((resolve) => setTimeout(resolve, 38 + (i % 5)))
  }
  assert.deepEqual(failures, [])
})

const GARBAGE = {
  'no HTTP at all': 'I am not a web server\r\n\r\n',
  'a status that is no number': 'HTTP/1.1 2x0 OK\r\ncontent-length: 0\r\n\r\n',
  'two lengths': 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 5\r\n\r\nabcde',
  'a field name with a space': 'HTTP/1.1 200 OK\r\nbad name: x\r\ncontent-length: 0\r\n\r\n',
  'a switch that nobody asked for': 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
}

for (const [what, bytes] of Object.entries(GARBAGE)) {
  test(`an application that answers with ${what}: 502 protocol-error, once`, async () => {
    let calls = 0
    const raw = eachRequest((socket) => {
      calls++
      socket.write(bytes)
    })
    await using mesh = await startTestMesh({ services: { orders: { raw } }, callers: ['web'] })
    const { status, headers, text } = await mesh.call('web', 'orders', '/')
    assert.deepEqual([status, headers['x-outrigger-error']], [502, 'protocol-error'], text)
    assert.equal(calls, 1, 'nonsense is not asked for again')
  })
}

test('a response that ends before its length, or with a broken chunk, never looks complete', async () => {
  const endings: Record<string, readonly [string, string]> = {
    '/short': ['content-length: 100\r\n\r\n', 'only this'],
    '/chunk': ['transfer-encoding: chunked\r\n\r\n', '5\r\nhello\r\nnonsense\r\n'],
    '/open': ['transfer-encoding: chunked\r\n\r\n', '5\r\nhello\r\n'],
    '/late-trailer': ['transfer-encoding: chunked\r\n\r\n', '0\r\nx-sum: 1\r\n'],
  }
  const raw = eachRequest((socket, head) => {
    const [, path = '', pace] = /^GET (\S+?)(\?slow)? /.exec(head) ?? []
    const [fields = '', rest = ''] = endings[path] ?? []
    socket.write(`HTTP/1.1 200 OK\r\n${fields}`)
    if (pace === undefined) socket.end(rest)
    else setTimeout(() => socket.end(rest), 30)
  })
  await using mesh = await startTestMesh({ services: { orders: { raw } }, callers: ['web'] })
  for (const path of Object.keys(endings).flatMap((one) => [one, `${one}?slow`])) {
    const outcome = await mesh.call('web', 'orders', path).then(
      ({ status, headers }) => `${status} ${headers['x-outrigger-error']}`,
      (error: NodeJS.ErrnoException) => error.code ?? error.message,
    )
    // a refusal is as good, as long as the head has not gone out
    assert.match(outcome, /^(ECONNRESET|the response was broken off|502 (reset|protocol-error))$/, path)
  }
})

/** Gauges of all sidecars: what is open and in flight. Links stay; they are what is kept. */
async function busy(mesh: TestMesh): Promise<Record<string, number>> {
  const found: Record<string, number> = {}
  for (const { name } of mesh.workloads.values()) {
    const workload = mesh.workload(name)
    for (const [sample, value] of await workload.metrics()) {
      if (!/^outrigger_open_/.test(sample) || sample.includes('"link"') || value === 0) continue
      found[`${name} ${sample}`] = value
    }
    const { services } = await workload.admin('/endpoints')
    for (const service of services as {
      name: string
      inFlight: number
      endpoints: { id: string; inFlight: number }[]
    }[]) {
      if (service.inFlight !== 0) found[`${name} in flight ${service.name}`] = service.inFlight
      for (const { id, inFlight } of service.endpoints) if (inFlight !== 0) found[`${name} in flight ${id}`] = inFlight
    }
  }
  return found
}

test('after traffic of every kind, cuts and callers that go away, nothing is left in flight or open', async () => {
  const raw = eachRequest((socket, head) => {
    if (head.includes('/hang')) return
    if (head.includes('/garbage')) socket.write('nonsense\r\n\r\n')
    else if (head.includes('/half')) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf')
    else if (head.includes('/reset')) socket.resetAndDestroy()
    else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
  })
  await using mesh = await startTestMesh({
    services: { orders: { raw, replicas: 2 } },
    callers: ['web'],
    manifests: `apiVersion: outrigger.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: orders, namespace: shop}
spec: {targetRefs: [{group: "", kind: Service, name: orders}], timeouts: {request: 2s, perTry: 500ms}}
`,
  })
  const kinds = ['/', '/hang', '/garbage', '/half', '/reset', '/gone', '/gone/hang']
  await using load = MeshLoad.start((i) => {
    const path = kinds[i % kinds.length] ?? '/'
    return mesh.call('web', 'orders', path, {
      timeoutMs: path.startsWith('/gone') ? 1 + (i % 5) : 30_000,
      ...(i % 2 === 0 ? {} : { body: 'b'.repeat(i % 1_000) }),
    })
  }, 12)
  const outcomes = (): number => load.goodCount + load.failures.length
  for (let i = 0; i < 10 || load.goodCount === 0 || load.failures.length <= 20; i++) {
    const wanted = outcomes() + 15
    await eventually('there is traffic', () => outcomes() >= wanted)
    mesh.workload(`orders-${i % 2}`).relay?.cut()
  }
  await load.stop()
  mesh.workload('web').agent.destroy()
  let left = {}
  await eventually('nothing is open or in flight', async () => {
    left = await busy(mesh)
    return Object.keys(left).length === 0
  }).catch(() => assert.deepEqual(left, {}))
})
