import type { Attack } from './attack.ts'

const DOORS = ['probes'] as const
/** Scrapes that are sent at once. */
const BATCH = 1_000

const many = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`.repeat(BATCH)

/** What anybody in the cluster can do to the port that the kubelet and Prometheus ask: the whole exposition for 30 octets. */
export const PROBES: readonly Attack[] = ['/metrics', '/ready'].map((path) => ({
  name: `pipelined-${path.slice(1)}`,
  doors: DOORS,
  known: 'questions as fast as they are taken, before the first is answered',
  limit: 'one at a time on a connection, one exposition in a turn',
  isCut: true,
  run: async (wire) => {
    await wire.send(many(path))
    wire.passed()
    await wire.cut
  },
}))
