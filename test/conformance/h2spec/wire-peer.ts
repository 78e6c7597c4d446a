import { connect, type Socket } from 'node:net'
import { CLIENT_PREFACE } from '../../../sidecar/http2/frame/frame-type.ts'
import { type Frame, frame, settings, toWords } from '../../support/http2-frames.ts'
import { ACK } from './octets.ts'

/** What a peer hears next. */
export type Heard = Frame | 'closed'

/** Nothing was heard for so long: a test that is right never waits so long. */
const SILENCE_MS = 20_000
const HEADERS = 1
const SETTINGS = 4

/** One end of a connection of HTTP/2 that says what a script wants said, right or wrong. */
export class WirePeer implements Disposable {
  readonly socket: Socket
  readonly #role: 'client' | 'server'
  /** What the other end announced in SETTINGS. */
  readonly announced = new Map<number, number>()
  /** Everything heard, for the message of a failure. */
  readonly transcript: string[] = []
  #octets: Buffer = Buffer.alloc(0)
  /** Octets of the client's preface that this end still waits for. */
  #prefaceBytes: number
  readonly #heard: Heard[] = []
  #wake: () => void = () => {}

  constructor(socket: Socket, role: 'client' | 'server') {
    this.socket = socket
    this.#role = role
    this.#prefaceBytes = role === 'server' ? CLIENT_PREFACE.length : 0
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => this.#add('closed'))
  }

  static connect(port: number): Promise<WirePeer> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true })
      socket.once('error', reject)
      socket.once('connect', () => resolve(new WirePeer(socket, 'client')))
    })
  }

  send(...octets: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(octets))
  }

  /** The next frame, or the end of the connection; it throws when neither comes. */
  async next(): Promise<Heard> {
    const endMs = performance.now() + SILENCE_MS
    while (this.#heard.length === 0) {
      const leftMs = endMs - performance.now()
      if (leftMs <= 0) throw new Error(`nothing more is heard after: ${this.transcript.join(', ') || 'nothing'}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    return this.#heard.shift() as Heard
  }

  /** Exchanges prefaces and SETTINGS, as a client or as a server; a server reads the first request too, on stream 1. */
  async shakeHands(): Promise<void> {
    if (this.#role === 'client') this.send(CLIENT_PREFACE)
    this.send(settings([4, 65_535]))
    const wanted = new Set(['settings', 'acknowledgement', ...(this.#role === 'server' ? ['request'] : [])])
    while (wanted.size > 0) {
      const heard = await this.next()
      if (heard === 'closed') throw new Error(`closed too early: ${this.transcript.join(', ')}`)
      if (heard.type === SETTINGS) wanted.delete((heard.flags & ACK) === 0 ? 'settings' : 'acknowledgement')
      if (heard.type === HEADERS && heard.streamId === 1) wanted.delete('request')
    }
    this.send(frame(SETTINGS, ACK, 0))
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }

  #take(chunk: Buffer): void {
    this.#octets = Buffer.concat([this.#octets, chunk])
    if (this.#prefaceBytes > 0) {
      if (this.#octets.length < this.#prefaceBytes) return
      if (!this.#octets.subarray(0, this.#prefaceBytes).equals(CLIENT_PREFACE)) return this.#add('closed')
      this.#octets = this.#octets.subarray(this.#prefaceBytes)
      this.#prefaceBytes = 0
    }
    for (;;) {
      if (this.#octets.length < 9) return
      const end = 9 + this.#octets.readUIntBE(0, 3)
      if (this.#octets.length < end) return
      this.#onFrame({
        type: this.#octets.readUInt8(3),
        flags: this.#octets.readUInt8(4),
        streamId: this.#octets.readUInt32BE(5),
        payload: Buffer.from(this.#octets.subarray(9, end)),
      })
      this.#octets = this.#octets.subarray(end)
    }
  }

  #onFrame(one: Frame): void {
    if (one.type === SETTINGS && (one.flags & ACK) === 0) {
      for (let at = 0; at < one.payload.length; at += 6) {
        this.announced.set(one.payload.readUInt16BE(at), one.payload.readUInt32BE(at + 2))
      }
    }
    this.#add(one)
  }

  #add(heard: Heard): void {
    this.transcript.push(heard === 'closed' ? 'closed' : toWords(heard))
    this.#heard.push(heard)
    this.#wake()
  }
}
