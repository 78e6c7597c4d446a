import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Door } from './attack.ts'

/** Where the doors are, and what opens that of the mesh link. */
export interface Doors {
  readonly plainPort: number
  readonly linkPort: number
  readonly probesPort: number
  /** A certificate of the mesh, of a workload that is not the caller that belongs there. */
  readonly identity: { readonly key: string; readonly cert: string }
}

/** Opens one; resolves when octets may be sent, rejects when nobody answers. */
export function openDoor(door: Door, { plainPort, linkPort, probesPort, identity }: Doors): Promise<Socket> {
  const clearPort = { h1: plainPort, h2c: plainPort, tls: linkPort, probes: probesPort }
  const host = '127.0.0.1'
  return new Promise((resolve, reject) => {
    const socket =
      door === 'link'
        ? connectTls({ host, port: linkPort, ...identity, ALPNProtocols: ['h2'], rejectUnauthorized: false })
        : connectTcp({ host, port: clearPort[door] })
    socket.setNoDelay(true)
    socket.once(door === 'link' ? 'secureConnect' : 'connect', () => resolve(socket))
    socket.once('error', reject)
  })
}

/** How the samples of /metrics are called that count a defence. */
export function sampleOf(counter: string): string {
  const [protocol, limit] = counter.split(':')
  if (limit === undefined) return counter
  return protocol === 'h1'
    ? `outrigger_http1_defences_total{message="request",limit="${limit}"}`
    : `outrigger_http2_defences_total{limit="${limit}"}`
}

/** How often the defence struck: the sum of all samples that begin so. */
export function countOf(samples: ReadonlyMap<string, number>, counter: string): number {
  const name = sampleOf(counter)
  let sum = 0
  for (const [sample, value] of samples) if (sample.startsWith(name)) sum += value
  return sum
}
