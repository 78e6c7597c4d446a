import type { Socket } from 'node:net'

const HEAD_END = '\r\n\r\n'

/** An application that keeps every complete request as its octets, and answers 200 with the target in `x-target`. */
export class RawApplication {
  /** The octets of each request. */
  readonly requests: string[] = []

  /** Of the requests, the targets. */
  get targets(): string[] {
    return this.requests.map((octets) => octets.split(' ')[1] ?? '')
  }

  forget(): void {
    this.requests.length = 0
  }

  readonly serve = (socket: Socket): void => {
    let octets = ''
    socket.on('data', (chunk: Buffer) => {
      octets += chunk.toString('latin1')
      for (let length = requestLength(octets); length > 0; length = requestLength(octets)) {
        const request = octets.slice(0, length)
        octets = octets.slice(length)
        this.requests.push(request)
        socket.write(`HTTP/1.1 200 OK\r\nx-target: ${request.split(' ')[1]}\r\ncontent-length: 0\r\n\r\n`)
      }
    })
  }
}

/** Octets of the first request, 0 while it is not complete. The sidecar writes nothing that wants a stricter reader. */
function requestLength(octets: string): number {
  const headEnd = octets.indexOf(HEAD_END)
  if (headEnd < 0) return 0
  const bodyStart = headEnd + HEAD_END.length
  const head = octets.slice(0, bodyStart).toLowerCase()
  if (head.includes('\r\ntransfer-encoding: chunked\r\n')) return chunkedEnd(octets, bodyStart)
  const end = bodyStart + Number(/\r\ncontent-length: (\d+)\r\n/.exec(head)?.[1] ?? 0)
  return octets.length < end ? 0 : end
}

function chunkedEnd(octets: string, from: number): number {
  for (let at = from; ; ) {
    const lineEnd = octets.indexOf('\r\n', at)
    if (lineEnd < 0) return 0
    const size = Number.parseInt(octets.slice(at, lineEnd), 16)
    if (size > 0) {
      at = lineEnd + 2 + size + 2
      continue
    }
    if (octets.startsWith('\r\n', lineEnd + 2)) return lineEnd + 4
    const end = octets.indexOf(HEAD_END, lineEnd)
    return end < 0 ? 0 : end + HEAD_END.length
  }
}
