import { END_HEADERS, frame, headers, settings, windowUpdate } from '../support/http2-frames.ts'
import { type Attack, goesOn, type Target } from './attack.ts'
import { idOf, indexed, PATHS, references, request } from './hostile-blocks.ts'
import type { HostileWire } from './hostile-wire.ts'

const DOORS = ['h2c', 'link'] as const
const FRAME_BYTES = 16_384
const NO_WINDOW: [number, number] = [4, 0]

/** Request after request with a block that `bombOf` makes behind the pseudo-fields; each costs a 431. */
const bombs =
  (bombOf: (n: number) => Buffer, limit = 0) =>
  async (wire: HostileWire, target: Target): Promise<void> => {
    const begin = request(target, 'GET', PATHS.small)
    await wire.begin()
    for (let n = 0; goesOn(wire, target, n); n++) {
      await wire.send(...blockFrames(idOf(n), Buffer.concat([begin, bombOf(n)])))
      if (n >= limit) wire.passed()
    }
  }

/** A block in as many frames as it takes. */
function blockFrames(streamId: number, block: Buffer): readonly Buffer[] {
  const frames: Buffer[] = []
  for (let at = 0; at < block.length; at += FRAME_BYTES) {
    const isLast = at + FRAME_BYTES >= block.length
    const octets = block.subarray(at, at + FRAME_BYTES)
    frames.push(frame(at === 0 ? 1 : 9, (at === 0 ? 1 : 0) | (isLast ? END_HEADERS : 0), streamId, octets))
  }
  return frames
}

/** CONTINUATION frames behind a HEADERS frame, `bytes` each, every `everyMs`. */
const continuations =
  (bytes: number, everyMs: number, passesAt: number) =>
  async (wire: HostileWire, target: Target): Promise<void> => {
    await wire.begin()
    await wire.send(headers(1, request(target, 'GET', PATHS.small), 1))
    for (let n = 1; goesOn(wire, target, n); n++) {
      await wire.send(frame(9, 0, 1, Buffer.alloc(bytes, 0x90)))
      if (everyMs > 0) await wire.pause(everyMs)
      if (n >= passesAt) wire.passed()
    }
  }

/** As many requests as may be open, each with as long a head as may be, of which few octets come; and no window for the answers. */
async function pinHeads(wire: HostileWire, target: Target): Promise<void> {
  const begin = request(target, 'GET', PATHS.small)
  await wire.begin(NO_WINDOW)
  const crumb = indexed('cookie', `a=${'x'.repeat(3_950)}`)
  await wire.send(...blockFrames(1, Buffer.concat([begin, crumb])))
  const many = Buffer.concat([begin, references(15)])
  for (let n = 1; n < 1_000 && !wire.isCut; n++) await wire.send(...blockFrames(idOf(n), many))
  for (let round = 0; goesOn(wire, target, round); round++) {
    for (let n = 0; n < 20; n++) await wire.send(windowUpdate(idOf((round * 20 + n) % 1_000), 1))
    await wire.pause(300)
  }
}

/** Blocks that are all different, and each as long as may be: what a cache of blocks would keep. */
async function fillCaches(wire: HostileWire, target: Target): Promise<void> {
  const begin = request(target, 'GET', PATHS.silent)
  await wire.begin()
  for (let n = 0; goesOn(wire, target, n); n++) {
    const value = `${n}=${'x'.repeat(3_900)}`
    const run = Buffer.concat([references(2 + (n % 14)), Buffer.alloc(n % 50, 0x90)])
    await wire.send(
      ...blockFrames(idOf(3 * n), Buffer.concat([begin, indexed('cookie', value)])),
      ...[1, 2].flatMap((i) => blockFrames(idOf(3 * n + i), Buffer.concat([run, begin]))),
    )
    await wire.pause(2)
  }
}

/** Header blocks that cost much more than they are. */
export const HEADERS: readonly Attack[] = [
  {
    name: 'continuation-flood',
    doors: DOORS,
    known: 'CVE-2024-27316 and its kin',
    limit: '8 CONTINUATION frames of a block',
    counter: 'h2:continuation-flood',
    isCut: true,
    run: continuations(1_000, 0, 9),
  },
  {
    name: 'continuation-bytes',
    doors: DOORS,
    known: 'CVE-2023-45288',
    limit: '64 KiB of a block (80 on a link)',
    counter: 'h2:continuation-flood',
    isCut: true,
    run: continuations(FRAME_BYTES, 0, 5),
  },
  {
    name: 'continuation-drip',
    doors: DOORS,
    known: 'a header block that is never complete',
    limit: '10 s for a header block',
    counter: 'h2:header-block-timeout',
    isCut: true,
    isLong: true,
    run: continuations(1, 2_500, 4),
  },
  {
    name: 'hpack-bomb',
    doors: DOORS,
    known: 'CVE-2016-6581',
    limit: '64 KiB of fields (80 on a link) four times over',
    counter: 'h2:header-bomb',
    isCut: true,
    run: bombs(() => Buffer.concat([indexed('bomb', 'x'.repeat(3_900)), references(12_000)])),
  },
  {
    name: 'http2-bomb',
    doors: DOORS,
    known: 'CVE-2026-47774: references of one octet to tiny fields',
    limit: '128 fields (160 on a link) four times over',
    counter: 'h2:header-bomb',
    isCut: true,
    run: bombs(() => Buffer.alloc(16_000, 0x90)),
  },
  {
    name: 'http2-bomb-cookies',
    doors: DOORS,
    known: 'CVE-2026-49975: cookie crumbs',
    limit: '128 fields, crumbs counted (160 on a link) four times over',
    counter: 'h2:header-bomb',
    isCut: true,
    run: bombs(() => Buffer.concat([indexed('cookie', 'a=b'), references(16_000)])),
  },
  {
    name: 'heads-too-large',
    doors: DOORS,
    known: 'CVE-2026-47774, with no more than a mistake would have',
    limit: '128 fields (160 on a link), 50 times',
    counter: 'h2:header-list-too-large',
    isCut: true,
    run: bombs(() => Buffer.alloc(500, 0x90), 51),
  },
  {
    name: 'http2-bomb-pinned',
    doors: DOORS,
    known: 'CVE-2026-47774: heads as long as may be, no window, and a drip of WINDOW_UPDATE',
    limit: '1 MiB of heads in flight (4 MiB on a link)',
    isCut: false,
    run: pinHeads,
  },
  {
    name: 'block-caches',
    doors: ['link'],
    known: 'blocks that differ, and are as long as may be',
    limit: 'what is kept of them has an end',
    isCut: false,
    run: fillCaches,
  },
  {
    name: 'duplicate-host',
    doors: DOORS,
    known: 'CVE-2026-73550',
    limit: '64 KiB of fields (80 on a link) four times over, those that are dropped included',
    counter: 'h2:header-bomb',
    isCut: true,
    run: bombs(() => Buffer.concat([indexed('host', 'h'.repeat(3_900)), references(60_000)])),
  },
  {
    name: 'empty-names',
    doors: DOORS,
    known: 'CVE-2019-9516',
    limit: '50 malformed messages',
    counter: 'h2:malformed-message',
    isCut: true,
    run: bombs(() => Buffer.from([0, 0, 0]), 51),
  },
  {
    name: 'huge-table',
    doors: DOORS,
    known: 'CVE-2026-93492',
    limit: 'our encoder uses 4 KiB, whatever it may',
    counter: 'h2:header-table-clamped',
    isCut: false,
    run: async (wire, target) => {
      await wire.begin([1, 2 ** 32 - 1])
      for (let n = 0; goesOn(wire, target, n); n++) {
        await wire.send(
          settings([1, n % 2 === 0 ? 0 : 2 ** 32 - 1]),
          headers(idOf(n), request(target, 'GET', PATHS.small)),
        )
        await wire.pause(60)
      }
    },
  },
]
