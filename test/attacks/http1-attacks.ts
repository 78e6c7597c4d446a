import { type Attack, goesOn, type Target } from './attack.ts'
import { PATHS } from './hostile-blocks.ts'
import type { HostileWire } from './hostile-wire.ts'

const DOORS = ['h1'] as const
const BATCH = 1_000
const ENDLESS = 'transfer-encoding: chunked\r\n'

const line = ({ authority }: Target, method: string, path: string, fields = ''): string =>
  `${method} ${path} HTTP/1.1\r\nhost: ${authority}\r\n${fields}`
const get = (target: Target, path: string): string => `${line(target, 'GET', path)}\r\n`

/** A beginning, and then one piece over and over. Past the limit after `limitBytes` of them, or after `limitMs`. */
const endless =
  (start: (target: Target) => string, piece: string, limitBytes: number, everyMs = 0) =>
  async (wire: HostileWire, target: Target): Promise<void> => {
    await wire.send(start(target))
    for (let bytes = 0, round = 0; goesOn(wire, target, round); round++, bytes += piece.length) {
      await wire.send(piece)
      if (everyMs > 0) await wire.pause(everyMs)
      if (bytes > limitBytes) wire.passed()
    }
  }

/** Messages that two servers would not read alike, each on a connection of its own. */
const gadget = (name: string, counter: string, octets: (target: Target) => string): Attack => ({
  name: `smuggling-${name}`,
  doors: DOORS,
  known: 'request smuggling',
  limit: 'one is enough',
  counter: `h1:${counter}`,
  isCut: true,
  run: async (wire, target) => {
    await wire.send(octets(target))
    wire.passed()
    await wire.cut
  },
})

/** Requests as fast as they are taken, and their answers read: greed, and nothing that may not be. */
const greedy =
  (path: string, fields = '') =>
  async (wire: HostileWire, target: Target): Promise<void> => {
    const many = `${line(target, 'GET', path, fields)}\r\n`.repeat(BATCH)
    for (let round = 0; goesOn(wire, target, round); round++) await wire.send(many)
  }

/** What a connection of HTTP/1 can do to others. */
export const HTTP1: readonly Attack[] = [
  {
    name: 'head-flood',
    doors: DOORS,
    known: 'more fields than a person would write',
    limit: '128 fields',
    counter: 'h1:too-many-fields',
    isCut: true,
    run: async (wire, target) => {
      await wire.send(`${line(target, 'GET', '/', 'x-a: b\r\n'.repeat(200))}\r\n`)
      wire.passed()
      await wire.cut
    },
  },
  {
    name: 'head-bytes',
    doors: DOORS,
    known: 'a field without end',
    limit: '64 KiB of a head',
    counter: 'h1:head-too-large',
    isCut: true,
    run: endless((target) => `${line(target, 'GET', '/')}x: `, 'y'.repeat(4_000), 64 * 1024),
  },
  {
    name: 'target-flood',
    doors: DOORS,
    known: 'a target without end',
    limit: '16 KiB of a request line',
    counter: 'h1:target-too-long',
    isCut: true,
    run: endless(() => 'GET /', 'y'.repeat(4_000), 16 * 1024),
  },
  {
    name: 'chunk-extensions',
    doors: DOORS,
    known: 'chunk extensions without end',
    limit: '4 KiB of a body',
    counter: 'h1:chunk-extensions',
    isCut: true,
    run: endless((target) => `${line(target, 'POST', '/', ENDLESS)}\r\n`, `1;${'e'.repeat(500)}\r\nx\r\n`, 4_096),
  },
  {
    name: 'tiny-chunks',
    doors: DOORS,
    known: 'chunks of an octet, as fast as they are taken',
    limit: '512 chunks of a connection in a turn',
    counter: 'h1:held-back',
    isCut: false,
    run: endless((target) => `${line(target, 'POST', '/', ENDLESS)}\r\n`, '1\r\nx\r\n'.repeat(5_000), Number.MAX_VALUE),
  },
  {
    name: 'pipelining',
    doors: DOORS,
    known: 'CVE-2026-93491: requests behind requests, no answer is read',
    limit: '16 KiB of requests ahead, 256 KiB of answers',
    counter: 'h1:pipelining',
    isCut: false,
    run: async (wire, target) => {
      wire.stopReading()
      await greedy(PATHS.small)(wire, target)
    },
  },
  {
    name: 'greedy-h1',
    doors: DOORS,
    known: 'one greedy connection',
    limit: '32 requests of a connection in a turn',
    isCut: false,
    run: greedy(PATHS.small),
  },
  {
    name: 'greedy-refused',
    doors: DOORS,
    known: 'one greedy connection, whose requests the sidecar refuses',
    limit: '32 requests of a connection in a turn',
    counter: 'h1:held-back',
    isCut: false,
    run: greedy('/', 'x-outrigger-hops: 99\r\n'),
  },
  {
    name: 'greedy-large',
    doors: DOORS,
    known: 'one connection that reads large answers as fast as they come',
    limit: 'none',
    isCut: false,
    run: greedy(PATHS.large),
  },
  {
    name: 'greedy-upload',
    doors: DOORS,
    known: 'one connection that sends a body as fast as it is taken',
    limit: 'none',
    isCut: false,
    run: endless(
      (target) => `${line(target, 'POST', '/', 'content-length: 99999999999\r\n')}\r\n`,
      'x'.repeat(256 * 1024),
      Number.MAX_VALUE,
    ),
  },
  {
    name: 'slowloris',
    doors: DOORS,
    known: 'slowhttptest -H',
    limit: '10 s for a head',
    counter: 'h1:slow-head',
    isCut: true,
    leapMs: 12_000,
    run: endless((target) => line(target, 'GET', '/'), 'x-a: b\r\n', 72, 1_000),
  },
  {
    name: 'slow-body',
    doors: DOORS,
    known: 'slowhttptest -B',
    limit: 'an octet in 60 s',
    isCut: false,
    run: endless(
      (target) => `${line(target, 'POST', PATHS.small, 'content-length: 4096\r\n')}\r\n`,
      'x',
      Number.MAX_VALUE,
      1_000,
    ),
  },
  {
    name: 'slow-read',
    doors: DOORS,
    known: 'slowhttptest -X',
    limit: '16 KiB in 60 s; 256 KiB unread',
    isCut: false,
    run: async (wire, target) => {
      wire.stopReading()
      await wire.send(get(target, PATHS.large).repeat(10))
      for (let round = 0; goesOn(wire, target, round); round++) {
        await wire.pause(1_000)
        wire.socket.read(1)
      }
    },
  },
  {
    name: 'blank-run',
    doors: DOORS,
    known: 'a field of 60,000 blanks with something behind them',
    limit: 'none is passed',
    isCut: false,
    run: async (wire, target) => {
      const run = `a${' '.repeat(60_000)}b`
      for (let round = 0; goesOn(wire, target, round); round++) {
        await wire.send(`${line(target, 'GET', PATHS.small, `connection: ${run}\r\n`)}\r\n`)
        await wire.pause(20)
      }
    },
  },
  gadget(
    'cl-te',
    'conflicting-framing',
    (target) => `${line(target, 'POST', '/', `content-length: 6\r\n${ENDLESS}`)}\r\n0\r\n\r\nG`,
  ),
  gadget(
    'te-te',
    'invalid-coding',
    (target) => `${line(target, 'POST', '/', 'transfer-encoding: xchunked\r\n')}\r\n0\r\n\r\n`,
  ),
  gadget(
    'two-lengths',
    'invalid-length',
    (target) => `${line(target, 'POST', '/', 'content-length: 1\r\ncontent-length: 2\r\n')}\r\nxx`,
  ),
  gadget('bare-lf', 'malformed-head', (target) => line(target, 'GET', '/', 'x: y\n\n')),
  gadget('chunk-size', 'malformed-chunk', (target) => `${line(target, 'POST', '/', ENDLESS)}\r\n0x1\r\nx\r\n`),
  gadget('two-hosts', 'invalid-host', (target) => `${line(target, 'GET', '/', 'host: b\r\n')}\r\n`),
]
