/** A message of gRPC with the five octets before it; `flag` 0x80 is the frame of gRPC-Web's trailers. */
export function grpcFrame(message: Buffer, flag = 0): Buffer {
  const frame = Buffer.alloc(5 + message.length)
  frame[0] = flag
  frame.writeUInt32BE(message.length, 1)
  message.copy(frame, 5)
  return frame
}

/** Takes frames apart as their octets come. */
export class GrpcFrames {
  readonly #onMessage: (message: Buffer, flag: number) => void
  #waiting: Buffer = Buffer.alloc(0)

  constructor(onMessage: (message: Buffer, flag: number) => void) {
    this.#onMessage = onMessage
  }

  /** No part of a frame is left. */
  get isBetween(): boolean {
    return this.#waiting.length === 0
  }

  push(chunk: Buffer): void {
    this.#waiting = this.isBetween ? chunk : Buffer.concat([this.#waiting, chunk])
    while (this.#waiting.length >= 5) {
      const end = 5 + this.#waiting.readUInt32BE(1)
      if (this.#waiting.length < end) return
      this.#onMessage(this.#waiting.subarray(5, end), this.#waiting[0] ?? 0)
      this.#waiting = this.#waiting.subarray(end)
    }
  }
}
