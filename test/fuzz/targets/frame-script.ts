import { FrameType } from '../../../sidecar/http2/frame/frame-type.ts'
import { frame } from '../../support/http2-frames.ts'

const HEAD_BYTES = 4
/** For frames that fuzzing makes: chance finds no length of three octets that fits. */
const RAW = 0

/**
 * The octets of a connection out of a fuzzer's input. Behind a 0 they are the input's own; behind anything else frames follow:
 * type, flags, stream and length, an octet each, and the payload.
 */
export function toWire(input: Buffer): Buffer {
  if ((input[0] ?? RAW) === RAW) return input.subarray(1)
  const frames: Buffer[] = []
  for (let at = 1; at + HEAD_BYTES <= input.length; ) {
    const [type = 0, flags = 0, streamId = 0, length = 0] = input.subarray(at, at + HEAD_BYTES)
    at += HEAD_BYTES
    frames.push(frame(type, flags, streamId, input.subarray(at, at + length)))
    at += length
  }
  return Buffer.concat(frames)
}

/** An input for these frames. */
export function toScript(wire: Buffer): Buffer {
  const parts: Buffer[] = [Buffer.of(1)]
  for (let at = 0; at + 9 <= wire.length; ) {
    const length = wire.readUIntBE(at, 3)
    parts.push(
      Buffer.of(wire[at + 3] ?? 0, wire[at + 4] ?? 0, wire[at + 8] ?? 0, length),
      wire.subarray(at + 9, at + 9 + length),
    )
    at += 9 + length
  }
  return Buffer.concat(parts)
}

/** Pieces of frames in the script's form, and of header blocks. */
export const FRAME_WORDS: readonly string[] = [
  ...Object.values(FrameType).flatMap((type) =>
    [0, 1, 4, 5, 0x2d].map((flags) => `${String.fromCharCode(type, flags)}\x01\x00`),
  ),
  ...[
    '\x04\x00\x00\x06\x00\x04\x00\x00\x00\x00',
    '\x04\x00\x00\x06\x00\x05\xff\xff\xff\xff',
    '\x08\x00\x00\x04\x00\x00\x00\x01',
  ],
  ...[
    '\x03\x00\x01\x04\x00\x00\x00\x08',
    '\x06\x00\x00\x08pingping',
    '\x07\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00',
    '\x09\x04\x01\x00',
  ],
  ...[
    '\x82\x86\x84\x41\x01a',
    '\x83\x86\x84\x41\x01a',
    '\x88',
    '\x40\x01x\x01y',
    '\xbe',
    '\x0f\x0d\x013',
    '\x7f\xff\xff\xff',
  ],
]
