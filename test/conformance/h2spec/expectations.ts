import assert from 'node:assert/strict'
import { ErrorCode } from '../../../sidecar/http2/frame/frame-type.ts'
import { type Frame, toWords } from '../../support/http2-frames.ts'
import { ACK, END_STREAM, ping } from './octets.ts'
import type { WirePeer } from './wire-peer.ts'

/** What must be seen before the script goes on; `words` are part of the test's name. */
export interface Expectation {
  readonly words: string
  readonly check: (peer: WirePeer) => Promise<void>
}

/** Octets to send; what to send once the other end is known; or what must be seen. Neighbouring octets leave in one write. */
export type Step = Buffer | ((peer: WirePeer) => Buffer) | Expectation

type Code = keyof typeof ErrorCode

const DATA = 0
const HEADERS = 1
const RESET = 3
const SETTINGS = 4
const PING = 6
const GOAWAY = 7

/** Reads frames until one is what was waited for. Errors and the end of the connection are never passed over. */
async function frameThat(peer: WirePeer, what: string, isIt: (one: Frame) => boolean): Promise<Frame> {
  for (;;) {
    const heard = await peer.next()
    assert(heard !== 'closed', `${what}; the connection was closed: ${peer.transcript.join(', ')}`)
    if (isIt(heard)) return heard
    assert(heard.type !== GOAWAY && heard.type !== RESET, `${what}; heard ${toWords(heard)}`)
  }
}

const codeOf = (one: Frame): Code => {
  const code = one.payload.readUInt32BE(one.type === GOAWAY ? 4 : 0)
  return (Object.entries(ErrorCode).find(([, value]) => value === code)?.[0] ?? String(code)) as Code
}
const inCapitals = (code: Code): string => code.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()

async function isAlive(peer: WirePeer, opaque = 'alive?'): Promise<void> {
  const sent = ping(opaque)
  peer.send(sent)
  await frameThat(peer, 'PING is answered', ({ type, flags, payload }) => {
    if (type !== PING || (flags & ACK) === 0) return false
    return payload.equals(sent.subarray(9))
  })
}

/** RFC 9113 §5.4.1: GOAWAY with the code, and the connection closes. */
export const connectionError = (code: Code): Expectation => ({
  words: `connection error ${inCapitals(code)}`,
  check: async (peer) => {
    const goAway = await frameThat(peer, `GOAWAY ${code}`, ({ type }) => type === GOAWAY)
    assert.equal(codeOf(goAway), code, peer.transcript.join(', '))
    for (let heard = await peer.next(); heard !== 'closed'; heard = await peer.next());
  },
})

/** RFC 9113 §5.4.2: RST_STREAM with the code, and the connection goes on. */
export const streamError = (streamId: number, code: Code): Expectation => ({
  words: `stream error ${inCapitals(code)}`,
  check: async (peer) => {
    const reset = await frameThat(peer, `RST_STREAM ${code}`, ({ type }) => type === RESET)
    assert.deepEqual([reset.streamId, codeOf(reset)], [streamId, code], peer.transcript.join(', '))
    await isAlive(peer)
  },
})

/** A stream error, on whichever stream. */
export const someStreamError = (code: Code): Expectation => ({
  words: `stream error ${inCapitals(code)}`,
  check: async (peer) => {
    const reset = await frameThat(peer, `RST_STREAM ${code}`, ({ type }) => type === RESET)
    assert.equal(codeOf(reset), code, peer.transcript.join(', '))
  },
})

/** The connection closes, with whatever words. */
export const closed: Expectation = {
  words: 'the connection closes',
  check: async (peer) => {
    for (let heard = await peer.next(); heard !== 'closed'; heard = await peer.next());
  },
}

/** A PING that is sent now is answered with its own octets: what came before it did no harm. */
export const pong: Expectation = { words: 'PING answered', check: (peer) => isAlive(peer, 'h2spec') }

/** The very next answer to a PING carries these octets. */
export const pongOf = (opaque: string): Expectation => ({
  words: 'PING answered with its octets',
  check: async (peer) => {
    const answer = await frameThat(peer, 'PING is answered', ({ type }) => type === PING)
    assert.equal(answer.flags & ACK, ACK)
    assert.equal(answer.payload.toString('latin1'), opaque.padEnd(8, '\0'))
  },
})

export const settingsAcknowledged: Expectation = {
  words: 'SETTINGS acknowledged',
  check: async (peer) => {
    await frameThat(peer, 'SETTINGS is acknowledged', ({ type, flags }) => type === SETTINGS && (flags & ACK) !== 0)
  },
}

/** The first frame of a server is SETTINGS (RFC 9113 §3.4). */
export const settingsFirst: Expectation = {
  words: 'SETTINGS is the first frame',
  check: async (peer) => {
    const first = await peer.next()
    assert(first !== 'closed' && first.type === SETTINGS && (first.flags & ACK) === 0, peer.transcript.join(', '))
  },
}

/** 200 on the stream, which is index 8 of the static table (RFC 7541, appendix A); and the connection goes on. */
export const responseOn = (streamId: number): Expectation => ({
  words: 'response 200',
  check: async (peer) => {
    const head = await frameThat(peer, `a response on stream ${streamId}`, (one) => {
      return one.type === HEADERS && one.streamId === streamId
    })
    assert.equal(head.payload[0], 0x88, 'a block that begins with :status 200')
    await isAlive(peer)
  },
})

/** The next DATA is on the stream, with so many octets; undefined: any number. */
export const dataOn = (streamId: number, bytes?: number): Expectation => ({
  words: `DATA${bytes === undefined ? '' : ` of ${bytes}`}`,
  check: async (peer) => {
    const one = await frameThat(peer, `DATA on stream ${streamId}`, ({ type }) => type === DATA)
    assert.equal(one.streamId, streamId)
    if (bytes !== undefined) assert.equal(one.payload.length, bytes)
  },
})

/** The other side of the stream ends. */
export const endOn = (streamId: number): Expectation => ({
  words: `the end of stream ${streamId}`,
  check: async (peer) => {
    await frameThat(peer, `the end of stream ${streamId}`, (one) => {
      return one.type <= HEADERS && one.streamId === streamId && (one.flags & END_STREAM) !== 0
    })
  },
})

/** Runs a script from top to bottom. */
export async function play(peer: WirePeer, steps: readonly Step[]): Promise<void> {
  let octets: Buffer[] = []
  for (const step of steps) {
    if (Buffer.isBuffer(step)) octets.push(step)
    else if (typeof step === 'function') octets.push(step(peer))
    else {
      if (octets.length > 0) peer.send(...octets)
      octets = []
      await step.check(peer)
    }
  }
}

/** The last thing that a script waits for, for its name. */
export const lastWords = (steps: readonly Step[]): string => {
  const last = steps.at(-1)
  assert(last !== undefined && typeof last === 'object' && 'words' in last, 'a script ends with what must be seen')
  return last.words
}
