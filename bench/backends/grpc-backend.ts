import { createServer, type Socket } from 'node:net'
import { grpcMessage } from './grpc-message.ts'

/*
 * A backend that answers every unary call of gRPC over HTTP/2 (prior knowledge) with the same message and trailers. It
 * reads frames and never a header: its own answer is three constant frames without an indexed field, so that it is a
 * small share of the load generator's core. node:http2 takes several times as long and would be what is measured.
 * It honours the connection's flow-control window; one stream's answer is far below any window of a stream.
 * Its only argument is the port on loopback.
 */

const PREFACE_BYTES = 24
const HEADER_BYTES = 9
const DEFAULT_WINDOW_BYTES = 65_535
const WINDOW_GRANT_BYTES = 1 << 20
const FrameType = { data: 0, headers: 1, settings: 4, ping: 6, windowUpdate: 8 } as const
const END_STREAM = 0x1
const ACK = 0x1
const END_HEADERS = 0x4

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUIntBE(payload.length, 0, 3)
  header.writeUInt8(type, 3)
  header.writeUInt8(flags, 4)
  header.writeUInt32BE(stream, 5)
  return Buffer.concat([header, payload])
}

const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)])
/** `:status: 200` by its index, `content-type` by its name's: RFC 7541 §6.1, §6.2.2 and appendix A. */
const HEAD = Buffer.concat([Buffer.from([0x88, 0x0f, 0x10]), text('application/grpc')])
const TRAILERS = Buffer.concat([Buffer.from([0x00]), text('grpc-status'), text('0')])
const MESSAGE = grpcMessage()
const PARTS = [
  frame(FrameType.headers, END_HEADERS, 0, HEAD),
  frame(FrameType.data, 0, 0, MESSAGE),
  frame(FrameType.headers, END_HEADERS | END_STREAM, 0, TRAILERS),
] as const
const ANSWER = Buffer.concat(PARTS)
/** Where the stream's number stands in each of the three. */
const STREAM_AT = [5, PARTS[0].length + 5, PARTS[0].length + PARTS[1].length + 5] as const

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
/** MAX_CONCURRENT_STREAMS 1000. */
const SETTINGS = frame(FrameType.settings, 0, 0, Buffer.concat([Buffer.from([0, 3]), uint32(1_000)]))
const SETTINGS_ACK = frame(FrameType.settings, ACK, 0, Buffer.alloc(0))
const GRANT = frame(FrameType.windowUpdate, 0, 0, uint32(WINDOW_GRANT_BYTES))

function serve(socket: Socket): void {
  let rest: Buffer = Buffer.alloc(0)
  let skip = PREFACE_BYTES
  let credit = DEFAULT_WINDOW_BYTES
  let taken = 0
  /** Calls that are complete and not answered yet. */
  let waiting: number[] = []

  const answers = (): Buffer => {
    const count = Math.min(waiting.length, Math.floor(credit / MESSAGE.length))
    const out = Buffer.allocUnsafe(count * ANSWER.length)
    for (let at = 0; at < count; at++) {
      const start = at * ANSWER.length
      ANSWER.copy(out, start)
      for (const offset of STREAM_AT) out.writeUInt32BE(waiting[at] ?? 0, start + offset)
    }
    credit -= count * MESSAGE.length
    waiting = waiting.slice(count)
    return out
  }

  const onFrame = (type: number, flags: number, stream: number, payload: Buffer, out: Buffer[]): void => {
    if ((type === FrameType.data || type === FrameType.headers) && (flags & END_STREAM) !== 0) waiting.push(stream)
    if (type === FrameType.data) taken += payload.length
    else if (type === FrameType.settings && (flags & ACK) === 0) out.push(SETTINGS_ACK)
    else if (type === FrameType.ping && (flags & ACK) === 0) out.push(frame(FrameType.ping, ACK, 0, payload))
    else if (type === FrameType.windowUpdate && stream === 0) credit += payload.readUInt32BE(0)
  }

  socket.setNoDelay(true)
  socket.on('error', () => undefined)
  socket.write(Buffer.concat([SETTINGS, GRANT]))
  socket.on('data', (chunk: Buffer) => {
    const input = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const out: Buffer[] = []
    let at = 0
    if (skip > 0) {
      if (input.length < skip) {
        rest = input
        return
      }
      at = skip
      skip = 0
    }
    while (input.length - at >= HEADER_BYTES) {
      const next = at + HEADER_BYTES + input.readUIntBE(at, 3)
      if (next > input.length) break
      const stream = input.readUInt32BE(at + 5) & 0x7fffffff
      onFrame(input.readUInt8(at + 3), input.readUInt8(at + 4), stream, input.subarray(at + HEADER_BYTES, next), out)
      at = next
    }
    rest = input.subarray(at)
    if (taken >= WINDOW_GRANT_BYTES / 2) {
      out.push(frame(FrameType.windowUpdate, 0, 0, uint32(taken)))
      taken = 0
    }
    out.push(answers())
    socket.write(out.length === 1 ? (out[0] ?? rest) : Buffer.concat(out))
  })
}

createServer(serve).listen(Number(process.argv[2]), '127.0.0.1')
