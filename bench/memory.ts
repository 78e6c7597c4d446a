import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { answeringOk } from './ask.ts'
import { makeCertificates } from './certificates.ts'
import type { Stage } from './contestant.ts'
import { startOutrigger } from './contestants/outrigger.ts'
import { BENCH_MANIFESTS } from './manifests.ts'
import { memoryMib, pause, portOf } from './processes.ts'

/*
 * What a sidecar holds: for each of many idle TCP connections, and while one long stream passes whose reader is slow.
 * Prints a line of JSON for each case: `npx node bench/memory.ts --connections 10000 --gib 5`.
 */

const { values: flags } = parseArgs({
  options: { connections: { type: 'string', default: '10000' }, gib: { type: 'string', default: '5' } },
})
const CONNECTIONS = Number(flags.connections)
const BYTES = Math.round(Number(flags.gib) * 2 ** 30)
/** More connections at once than the defaults let one caller have. */
const TCP_MANIFESTS = `
apiVersion: v1
kind: Service
metadata: { name: api, namespace: bench }
spec: { ports: [{ port: 80, appProtocol: tcp }] }
---
apiVersion: outrigger.dev/v1alpha1
kind: TrafficPolicy
metadata: { name: api, namespace: bench }
spec:
  targetRefs: [{ group: "", kind: Service, name: api }]
  circuitBreaker: { maxParallelRequests: 100000, maxPendingRequests: 100000 }
  timeouts: { streamIdle: 1h }
`

/** Listens on loopback; every connection is handed to `serve`. */
async function backend(serve: (socket: Socket) => void) {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    serve(socket)
  })
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 })
  await once(server, 'listening')
  return {
    port: portOf(server),
    sockets,
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

async function withPair(
  manifests: string,
  serve: (socket: Socket) => void,
  work: (pair: { readonly port: number; residents(): number[]; accepted(): number }) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'outrigger-memory-'))
  const app = await backend(serve)
  const stage: Stage = {
    ...{ directory, wire: 'http', backendPort: app.port, sinkPort: app.port, core: 0, loadCore: 1 },
    tls: makeCertificates(join(directory, 'tls')),
  }
  const pair = await startOutrigger(stage, manifests)
  try {
    await answeringOk(pair.frontPort)
    await work({
      port: pair.frontPort,
      residents: () => pair.processes().map((pids) => Math.round(memoryMib(pids, 'VmRSS'))),
      accepted: () => app.sockets.size,
    })
  } finally {
    await pair.stop()
    app.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

const NO_CONTENT = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'

/** Answers a request of HTTP where one comes, and nothing else: what the pair's start asks for. */
const answerOnce = (socket: Socket): void => {
  socket.once('data', () => socket.write(NO_CONTENT))
}

async function idleConnections(): Promise<void> {
  await withPair(TCP_MANIFESTS, answerOnce, async ({ port, residents, accepted }) => {
    const before = residents()
    const open: Socket[] = []
    while (open.length < CONNECTIONS) {
      const batch = Array.from({ length: Math.min(100, CONNECTIONS - open.length) }, () => connect(port, '127.0.0.1'))
      for (const socket of batch) socket.on('error', () => undefined)
      await Promise.all(batch.map((socket) => once(socket, 'connect')))
      open.push(...batch)
    }
    for (let look = 0; look < 100 && accepted() < CONNECTIONS; look++) await pause(100)
    await pause(2_000)
    const after = residents()
    const kibEach = after.map((mib, at) => Math.round((((mib - (before[at] ?? 0)) * 1024) / CONNECTIONS) * 10) / 10)
    console.log(JSON.stringify({ case: 'idle TCP connections', connections: accepted(), before, after, kibEach }))
    for (const socket of open) socket.destroy()
  })
}

/** Sends as fast as it is taken, in either protocol. */
function flood(head: string, bytes: number): (socket: Socket) => void {
  const chunk = Buffer.alloc(64 * 1024, 'x')
  return (socket) => {
    socket.on('data', (asked: Buffer) => {
      if (!asked.includes('/flood')) return void socket.write(NO_CONTENT)
      let left = bytes
      socket.write(head)
      const push = (): void => {
        while (left > 0) {
          const piece = left < chunk.length ? chunk.subarray(0, left) : chunk
          left -= piece.length
          if (!socket.write(piece)) return void socket.once('drain', push)
        }
        socket.end()
      }
      push()
    })
  }
}

/** Reads one long answer through the pair, and stops for a moment now and then. */
async function slowReader(name: string, manifests: string, head: string): Promise<void> {
  await withPair(manifests, flood(head, BYTES), async ({ port, residents }) => {
    const socket = connect(port, '127.0.0.1')
    socket.write('GET /flood HTTP/1.1\r\nhost: api\r\nconnection: close\r\n\r\n')
    let received = 0
    let most = residents()
    let nextStop = 64 * 2 ** 20
    const look = setInterval(() => {
      most = residents().map((mib, at) => Math.max(mib, most[at] ?? 0))
    }, 100)
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length
      if (received < nextStop) return
      nextStop += 64 * 2 ** 20
      socket.pause()
      setTimeout(() => socket.resume(), 100)
    })
    await once(socket, 'close')
    clearInterval(look)
    console.log(JSON.stringify({ case: name, gib: received / 2 ** 30, mostMib: most }))
  })
}

if (CONNECTIONS > 0) await idleConnections()
await slowReader('TCP, slow reader', TCP_MANIFESTS, '')
await slowReader('HTTP, slow reader', BENCH_MANIFESTS.http, `HTTP/1.1 200 OK\r\ncontent-length: ${BYTES}\r\n\r\n`)
