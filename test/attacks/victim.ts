import { connect, type Socket } from 'node:net'

/** What became of the well-behaved load since it was last asked. */
export interface VictimReport {
  readonly count: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** What went wrong, and how often. */
  readonly errors: Readonly<Record<string, number>>
}

const CONNECTIONS = 8
const PER_SECOND = 500
/** An answer that takes longer is an error. */
const LONGEST_MS = 5_000

/**
 * A well-behaved load: 500 requests a second on eight connections that are kept, at an even pace whatever comes back. The
 * latency counts from when a request was due, so that one that waits for a connection is as slow as its caller finds it.
 */
export class Victim {
  readonly #port: number
  readonly #request: Buffer
  readonly #free: Socket[] = []
  readonly #due: number[] = []
  #latencies: number[] = []
  #errors: Record<string, number> = {}
  #startMs = 0
  #sent = 0

  constructor(port: number, authority: string) {
    this.#port = port
    this.#request = Buffer.from(`GET / HTTP/1.1\r\nhost: ${authority}\r\nuser-agent: victim\r\n\r\n`)
  }

  start(): void {
    for (let i = 0; i < CONNECTIONS; i++) this.#connect()
    this.#startMs = performance.now()
    setInterval(() => this.#tick(), 1)
  }

  /** What happened since the last report. */
  report(): VictimReport {
    const latencies = this.#latencies.sort((a, b) => a - b)
    const at = (share: number): number => latencies[Math.floor((latencies.length - 1) * share)] ?? 0
    const report = { count: latencies.length, p50Ms: at(0.5), p99Ms: at(0.99), errors: this.#errors }
    this.#latencies = []
    this.#errors = {}
    return report
  }

  #tick(): void {
    const nowMs = performance.now()
    const count = Math.floor(((nowMs - this.#startMs) * PER_SECOND) / 1_000)
    for (; this.#sent < count; this.#sent++) this.#due.push(this.#startMs + (this.#sent * 1_000) / PER_SECOND)
    this.#serve()
  }

  #serve(): void {
    while (this.#due.length > 0) {
      const socket = this.#free.pop()
      if (socket === undefined) return
      socket.emit('turn', this.#due.shift())
    }
  }

  #connect(): void {
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true })
    let dueMs = 0
    let text = ''
    let timer: NodeJS.Timeout | undefined
    const failed = (what: string): void => {
      if (dueMs > 0) this.#errors[what] = (this.#errors[what] ?? 0) + 1
      dueMs = 0
      socket.destroy()
    }
    socket.on('connect', () => this.#release(socket))
    socket.on('turn', (due: number) => {
      dueMs = due
      timer = setTimeout(() => failed('too slow'), LONGEST_MS)
      socket.write(this.#request)
    })
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      const end = text.indexOf('\r\n\r\n')
      const length = /\r\ncontent-length: ([0-9]+)\r\n/i.exec(text)?.[1]
      if (end < 0 || length === undefined || text.length < end + 4 + Number(length)) return
      const status = text.slice(9, 12)
      text = text.slice(end + 4 + Number(length))
      clearTimeout(timer)
      if (status !== '200') return failed(status)
      this.#latencies.push(performance.now() - dueMs)
      dueMs = 0
      this.#release(socket)
    })
    socket.on('error', (error: NodeJS.ErrnoException) => failed(error.code ?? 'error'))
    socket.on('close', () => {
      clearTimeout(timer)
      failed('closed')
      const at = this.#free.indexOf(socket)
      if (at >= 0) this.#free.splice(at, 1)
      setTimeout(() => this.#connect(), 10)
    })
  }

  #release(socket: Socket): void {
    this.#free.unshift(socket)
    this.#serve()
  }
}

/** As a process: reports when it is asked, and ends with who started it. */
if (process.send !== undefined && process.argv[1]?.endsWith('victim.ts') === true) {
  const victim = new Victim(Number(process.argv[2]), process.argv[3] ?? '')
  victim.start()
  process.on('message', () => process.send?.(victim.report()))
  process.on('disconnect', () => process.exit())
}
