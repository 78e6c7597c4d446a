import { CLIENT_PREFACE, FrameType } from '../../../sidecar/http2/frame/frame-type.ts'
import { END_HEADERS, END_STREAM, frame, GET_BLOCK, headers, settings } from '../../support/http2-frames.ts'
import { assertAlike } from '../cuts.ts'
import { type FuzzTarget, kindOf, octets } from '../fuzz-target.ts'
import { REQUEST_FRAMES } from '../messages/http2-wires.ts'
import { FRAME_WORDS } from './frame-script.ts'
import { SMALL_SETTINGS, serverTranscript } from './http2-transcript.ts'

const START = Buffer.concat([CLIENT_PREFACE, settings(), frame(FrameType.settings, 1, 0)])
const PADDED = 8
const PRIORITY = 0x20
const CUTS = 4

/**
 * A block in one HEADERS frame, and cut into HEADERS with CONTINUATION: the same to the other end. The input's first octets
 * say where it is cut and how it is padded.
 */
export const headerAssembly: FuzzTarget = {
  name: 'header-assembly',
  seeds: [
    Buffer.concat([octets('\x00\x01\x02\x03\x04'), GET_BLOCK]),
    ...REQUEST_FRAMES.flat()
      .filter((one) => one[3] === FrameType.headers)
      .map((one, i) => Buffer.concat([Buffer.of(i * 4, 3, 5, 5, 200), one.subarray(9)])),
  ],
  words: FRAME_WORDS.slice(-8),
  maxBytes: 2_000,
  check(input) {
    const [form = 0, ...places] = input.subarray(0, 1 + CUTS)
    const block = input.subarray(1 + CUTS)
    // Past the limit a block in one frame is answered with 431, and one in several is not waited for.
    if (block.length > (SMALL_SETTINGS.headerListBytes ?? 0)) return 'too long'
    const whole = serverTranscript([START, headers(1, block), headers(3, GET_BLOCK)])
    const cut = serverTranscript([Buffer.concat([START, ...assembled(block, places, form), headers(3, GET_BLOCK)])])
    assertAlike(cut, whole, 'a block in several frames')
    return `${kindOf(whole.closed)} ${whole.said.join()}`
  },
}

/** The frames of `block`, cut at `places`. */
export function assembled(block: Buffer, places: readonly number[], form: number): Buffer[] {
  const at = [...new Set(places.map((place) => place % (block.length + 1)))].sort((a, b) => a - b)
  const parts = [0, ...at].map((from, i) => block.subarray(from, at[i] ?? block.length))
  return parts.map((part, i) => {
    const flags = i === parts.length - 1 ? END_HEADERS : 0
    if (i > 0) return frame(FrameType.continuation, flags, 1, part)
    const isPadded = (form & 1) !== 0
    const hasPriority = (form & 2) !== 0
    const payload = Buffer.concat([
      Buffer.alloc(isPadded ? 1 : 0, form >> 2),
      hasPriority ? Buffer.from('0000000510', 'hex') : Buffer.alloc(0),
      part,
      Buffer.alloc(isPadded ? form >> 2 : 0),
    ])
    return frame(
      FrameType.headers,
      flags | END_STREAM | (isPadded ? PADDED : 0) | (hasPriority ? PRIORITY : 0),
      1,
      payload,
    )
  })
}
