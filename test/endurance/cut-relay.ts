import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { resetSocket } from '../../sidecar/connection/reset-socket.ts'
import type { CutPlan, Direction } from './cut-plan.ts'

/** A cut that waits for its octet. */
export class ArmedCut {
  readonly plan: CutPlan
  /** Octets that pass before it. */
  leftBytes: number
  slicedLeft: number
  /** The connection was cut. */
  hasFired = false

  constructor(plan: CutPlan) {
    this.plan = plan
    this.leftBytes = plan.afterBytes
    this.slicedLeft = plan.slicedBytes
  }
}

/** Stands on one hop. What passes is passed on as it is, until a cut that is armed meets its octet, on whichever connection. */
export class CutRelay implements AsyncDisposable {
  /** Hears of each cut, in the moment. */
  onCut: (plan: CutPlan) => void = () => undefined
  #armed: ArmedCut | undefined
  readonly #sockets = new Set<Socket>()
  readonly #server: Server | undefined

  private constructor(server: Server | undefined) {
    this.#server = server
  }

  /** A relay without a listener: it is given the connections that it stands on. */
  static between(): CutRelay {
    return new CutRelay(undefined)
  }

  /** Listens, and connects to `port` of loopback for each connection. */
  static async listen(port: number, at: { readonly host?: string; readonly port?: number } = {}): Promise<CutRelay> {
    const server = createServer({ allowHalfOpen: true, noDelay: true })
    const relay = new CutRelay(server)
    server.on('connection', (socket) => relay.join(socket, port))
    server.listen(at.port ?? 0, at.host ?? '127.0.0.1')
    await once(server, 'listening')
    return relay
  }

  /** Where it listens. */
  get port(): number {
    const address = this.#server?.address() as AddressInfo | undefined
    return address?.port ?? 0
  }

  /** Sockets that are open. */
  get openCount(): number {
    return this.#sockets.size
  }

  /** The next octet of the plan's count is the last one. Undefined while another cut waits here. */
  arm(plan: CutPlan): ArmedCut | undefined {
    if (this.#armed !== undefined) return undefined
    this.#armed = new ArmedCut(plan)
    return this.#armed
  }

  disarm(cut: ArmedCut | undefined): void {
    if (this.#armed === cut) this.#armed = undefined
  }

  /** Stands between `near` and a new connection to `port`. */
  join(near: Socket, port: number): void {
    near.allowHalfOpen = true
    const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    const up = new Passage(near, far, 'up', this)
    const down = new Passage(far, near, 'down', this)
    up.other = down
    down.other = up
    for (const socket of [near, far]) {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    }
  }

  /** The cut that is armed for a direction. */
  armedFor(direction: Direction): ArmedCut | undefined {
    return this.#armed?.plan.direction === direction ? this.#armed : undefined
  }

  onFired(cut: ArmedCut): void {
    cut.hasFired = true
    this.#armed = undefined
    this.onCut(cut.plan)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of [...this.#sockets]) resetSocket(socket)
    if (this.#server === undefined) return
    const closed = new Promise<void>((resolve) => this.#server?.close(() => resolve()))
    await closed
  }
}

/** One direction of a connection. */
class Passage {
  other: Passage | undefined
  readonly #from: Socket
  readonly #to: Socket
  readonly #direction: Direction
  readonly #relay: CutRelay
  /** Nothing passes any more. */
  #isShut = false
  #isSlicing = false
  /** The end came while octets before it were passed one by one: a paused socket tells of it all the same. */
  #isEndDue = false

  constructor(from: Socket, to: Socket, direction: Direction, relay: CutRelay) {
    this.#from = from
    this.#to = to
    this.#direction = direction
    this.#relay = relay
    from.on('data', (chunk: Buffer) => this.#onData(chunk))
    from.on('end', () => {
      if (this.#isSlicing) this.#isEndDue = true
      else to.end()
    })
    from.on('error', () => resetSocket(to)) // a reset stays a reset
    from.on('close', () => {
      if (this.#isSlicing) this.#isEndDue = true
      else to.destroySoon()
    })
    to.on('drain', () => {
      if (!this.#isSlicing) from.resume()
    })
  }

  #onData(chunk: Buffer): void {
    if (this.#isShut || this.#to.writableEnded || this.#to.destroyed) return
    const cut = this.#relay.armedFor(this.#direction)
    if (cut === undefined) this.#pass(chunk)
    else if (cut.slicedLeft > 0) void this.#slice(chunk, cut)
    else if (chunk.length < cut.leftBytes) {
      cut.leftBytes -= chunk.length
      this.#pass(chunk)
    } else this.#fire(cut, chunk.subarray(0, cut.leftBytes))
  }

  #pass(octets: Buffer): void {
    if (!this.#to.write(octets)) this.#from.pause()
  }

  /** One octet in each turn of the loop, each a segment of its own. */
  async #slice(chunk: Buffer, cut: ArmedCut): Promise<void> {
    this.#isSlicing = true
    this.#from.pause()
    let at = 0
    for (; at < chunk.length && cut.slicedLeft > 0 && cut.leftBytes > 0 && this.#to.writable; at++) {
      cut.slicedLeft--
      cut.leftBytes--
      this.#to.write(chunk.subarray(at, at + 1))
      await turn()
    }
    if (cut.leftBytes === 0) cut.slicedLeft = 0
    this.#isSlicing = false
    if (at < chunk.length) this.#onData(chunk.subarray(at))
    if (this.#isSlicing) return
    if (this.#isEndDue) this.#to.end()
    this.#from.resume()
  }

  #fire(cut: ArmedCut, last: Buffer): void {
    this.#relay.onFired(cut)
    this.#isShut = true
    if (last.length > 0) this.#to.write(last)
    if (cut.plan.how === 'reset') {
      resetSocket(this.#to)
      resetSocket(this.#from)
      return
    }
    this.#to.end()
    if (cut.plan.how === 'end') this.other?.shut()
    this.#from.resume() // whatever more is said is heard by nobody
  }

  /** Ends this direction, too. */
  shut(): void {
    this.#isShut = true
    this.#to.end()
    this.#from.resume()
  }
}
