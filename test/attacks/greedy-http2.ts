import { FrameType } from '../../sidecar/http2/frame/frame-type.ts'
import { END_HEADERS, frame, headers, windowUpdate } from '../support/http2-frames.ts'
import { type Attack, goesOn, type Target } from './attack.ts'
import { eachFrame } from './each-frame.ts'
import { idOf, PATHS, request } from './hostile-blocks.ts'
import type { HostileWire } from './hostile-wire.ts'

const DOORS = ['h2c', 'link'] as const

/** So many requests at a time, as fast as they are answered: what a peer may do, all the time. */
const greedy =
  (path: string, atOnce: number) =>
  async (wire: HostileWire, target: Target): Promise<void> => {
    const begin = request(target, 'GET', path)
    let open = 0
    let next = 0
    const onFrame = (type: number, flags: number): void => {
      if (type === FrameType.resetStream || (type <= FrameType.headers && (flags & 1) !== 0)) open--
    }
    wire.socket.on('data', eachFrame(onFrame))
    await wire.begin([4, 2 ** 20])
    await wire.send(windowUpdate(0, 2 ** 30))
    for (let round = 0; goesOn(wire, target, round); round++) {
      const many: Buffer[] = [windowUpdate(0, 2 ** 18)]
      for (; open < atOnce; open++) many.push(headers(idOf(next++), begin))
      await wire.send(...many)
      await wire.pause(1)
    }
  }

/** A body as fast as the windows let it. */
async function upload(wire: HostileWire, target: Target): Promise<void> {
  const piece = frame(0, 0, 1, Buffer.alloc(16_384))
  let window = 65_535
  let streamWindow = 0
  const onFrame = (type: number, _flags: number, streamId: number, payload: Buffer): void => {
    if (type !== FrameType.windowUpdate) return
    if (streamId === 0) window += payload.readUInt32BE()
    else streamWindow += payload.readUInt32BE()
  }
  wire.socket.on('data', eachFrame(onFrame))
  await wire.begin()
  await wire.pause(50)
  streamWindow += target.door === 'link' ? 1 << 20 : 256 << 10
  await wire.send(headers(1, request(target, 'POST', PATHS.small), END_HEADERS))
  for (let round = 0; goesOn(wire, target, round); round++) {
    if (Math.min(window, streamWindow) < 16_384) await wire.pause(1)
    else {
      window -= 16_384
      streamWindow -= 16_384
      await wire.send(piece)
    }
  }
}

const modest = { doors: DOORS, isCut: false } as const

/** Peers that do what they may, and as much of it as they can. */
export const GREED: readonly Attack[] = [
  {
    ...modest,
    name: 'greedy-streams',
    known: 'one greedy connection',
    limit: '32 requests of a connection in a turn (128 on a link)',
    run: greedy(PATHS.small, 100),
  },
  {
    ...modest,
    name: 'greedy-downloads',
    known: 'one greedy connection, large answers',
    limit: 'none',
    run: greedy(PATHS.large, 20),
  },
  {
    ...modest,
    name: 'greedy-uploads',
    known: 'one greedy connection, a large body',
    limit: 'the windows',
    run: upload,
  },
]
