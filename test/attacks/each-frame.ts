/** Takes what an HTTP/2 server says apart into frames, however it is cut: for attackers that listen. */
export function eachFrame(
  onFrame: (type: number, flags: number, streamId: number, payload: Buffer) => void,
): (chunk: Buffer) => void {
  let kept: Buffer = Buffer.alloc(0)
  return (chunk) => {
    const octets = kept.length === 0 ? chunk : Buffer.concat([kept, chunk])
    let at = 0
    while (octets.length - at >= 9) {
      const end = at + 9 + octets.readUIntBE(at, 3)
      if (octets.length < end) break
      onFrame(octets[at + 3] ?? 0, octets[at + 4] ?? 0, octets.readUInt32BE(at + 5), octets.subarray(at + 9, end))
      at = end
    }
    kept = octets.subarray(at)
  }
}
