import { createServer, type Server } from 'node:net'
import type { Random } from '../../sidecar/core/random.ts'

/** Below the ports that Linux (32768) and macOS (49152) give to outgoing connections: a program that is started again finds its port free. */
const FIRST_PORT = 20_000
const BLOCK_PORTS = 100
const BLOCK_COUNT = 120

/**
 * Ports of 127.0.0.1 for programs that are started a while after their ports are chosen. Two meshes that start at once
 * must not choose the same, so ports come from blocks, and who listens on a block's first port has the block.
 */
export class PortBlocks implements Disposable {
  readonly #random: Random
  readonly #guards: Server[] = []
  #next = 0
  #end = 0

  constructor(random: Random) {
    this.#random = random
  }

  /** A port that is free now, each once. Throws when there are none: nothing can be started then. */
  async take(): Promise<number> {
    for (;;) {
      if (this.#next === this.#end) await this.#takeBlock()
      const port = this.#next++
      if (await isFreePort(port)) return port
    }
  }

  /** Gives the blocks back. */
  [Symbol.dispose](): void {
    for (const guard of this.#guards.splice(0)) guard.close()
    this.#next = this.#end
  }

  async #takeBlock(): Promise<void> {
    const first = Math.floor(this.#random() * BLOCK_COUNT)
    for (let i = 0; i < BLOCK_COUNT; i++) {
      const port = FIRST_PORT + ((first + i) % BLOCK_COUNT) * BLOCK_PORTS
      const guard = await listen(port)
      if (guard === undefined) continue
      this.#guards.push(guard)
      this.#next = port + 1
      this.#end = port + BLOCK_PORTS
      return
    }
    throw new Error(`no free ports of 127.0.0.1 between ${FIRST_PORT} and ${FIRST_PORT + BLOCK_COUNT * BLOCK_PORTS}`)
  }
}

/** Whether a port of 127.0.0.1 can be listened on now. */
export async function isFreePort(port: number): Promise<boolean> {
  const server = await listen(port)
  if (server === undefined) return false
  await new Promise((resolve) => server.close(resolve))
  return true
}

/** Listens without keeping the process alive, and takes nobody in. */
function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', () => resolve(undefined))
    server.listen(port, '127.0.0.1', () => resolve(server.unref()))
  })
}
