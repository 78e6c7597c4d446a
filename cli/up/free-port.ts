import { createServer } from 'node:net'
import type { Random } from '../../sidecar/core/random.ts'

/** Below the ports that Linux (32768) and macOS (49152) give to outgoing connections: a program that is started again finds its port free. */
const FIRST_PORT = 20_000
const PORT_COUNT = 12_000
const TRIES = 200

/** Answers ports of 127.0.0.1 that are free now, none of them twice. Throws when there are none: nothing can be started then. */
export function freePorts(random: Random): () => Promise<number> {
  const taken = new Set<number>()
  return async () => {
    for (let i = 0; i < TRIES; i++) {
      const port = FIRST_PORT + Math.floor(random() * PORT_COUNT)
      if (taken.has(port)) continue
      taken.add(port)
      if (await isFreePort(port)) return port
    }
    throw new Error(`no free port of 127.0.0.1 between ${FIRST_PORT} and ${FIRST_PORT + PORT_COUNT}`)
  }
}

/** Whether a port of 127.0.0.1 can be listened on now. */
export function isFreePort(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
