import assert from 'node:assert/strict'
import { meshError } from '../../../sidecar/core/mesh-errors.ts'
import { NO_FIELDS, type RequestHead } from '../../../sidecar/http/head.ts'
import type { ResponseSink, UpstreamStream } from '../../../sidecar/http/streams.ts'
import type { DialLink, DialListener, Link, LinkTarget } from '../../../sidecar/upstream/link.ts'
import { RecordingUpstream } from '../../support/recording-streams.ts'

/** A mesh link without a wire: a test ends its streams, changes its peer's limit, and breaks it. Tells what a real one tells. */
export class ScriptedLink implements Link {
  readonly dial: ScriptedDial
  streamLimit: number
  /** Open streams, the oldest first. */
  readonly streams: RecordingUpstream[] = []
  isRetired = false
  isClosed = false
  /** Says that it has room, and takes nothing: it closes at this moment. */
  takesNothing = false
  #isGone = false

  constructor(dial: ScriptedDial, streamLimit: number) {
    this.dial = dial
    this.streamLimit = streamLimit
  }

  get openStreamCount(): number {
    return this.streams.length
  }

  /** The peer has said that it leaves, or it has left. */
  get isGone(): boolean {
    return this.#isGone
  }

  get canOpenStream(): boolean {
    return !this.isClosed && !this.isRetired && !this.#isGone && this.streams.length < this.streamLimit
  }

  request(_head: RequestHead, _end: boolean, sink: ResponseSink): UpstreamStream | undefined {
    if (!this.canOpenStream || this.takesNothing) return undefined
    const stream = new RecordingUpstream(sink)
    this.streams.push(stream)
    return stream
  }

  retire(): void {
    this.isRetired = true
  }

  /** As a socket that is destroyed: streams hear of it, then the owner. */
  destroy(): void {
    if (this.isClosed) return
    this.isClosed = true
    for (const { sink } of this.streams.splice(0)) sink.onResponseError(meshError('reset', 'the connection is gone'))
    this.#tellGone()
  }

  /** The response of the oldest stream, or of the one given, is complete. */
  answer(stream = this.streams[0]): void {
    assert(stream !== undefined, 'there is a stream to answer')
    this.streams.splice(this.streams.indexOf(stream), 1)
    this.dial.listener.onCapacity(this)
    stream.sink.onResponseHead({ status: 200, fields: NO_FIELDS, bodyLength: 0 }, true)
  }

  /** The peer sends SETTINGS_MAX_CONCURRENT_STREAMS. */
  setStreamLimit(limit: number): void {
    this.streamLimit = limit
    this.dial.listener.onCapacity(this)
  }

  /** The peer sends GOAWAY: open streams go on. */
  goAway(): void {
    this.#tellGone()
  }

  /** What the event loop does with a link that is retired or left, and carries nothing: its socket closes. */
  settle(): void {
    if (this.streams.length === 0 && (this.isRetired || this.#isGone)) this.destroy()
  }

  /** All its streams end, and what follows from that happens. */
  finish(): void {
    while (this.streams.length > 0) this.answer()
    this.settle()
  }

  #tellGone(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.dial.listener.onGone(this)
  }
}

/** One dial that a test decides. */
export class ScriptedDial {
  readonly endpoint: LinkTarget
  readonly timeoutMs: number
  readonly listener: DialListener
  isPending = true

  constructor(endpoint: LinkTarget, timeoutMs: number, listener: DialListener) {
    this.endpoint = endpoint
    this.timeoutMs = timeoutMs
    this.listener = listener
  }

  succeed(streamLimit = 100): ScriptedLink {
    this.#decide()
    const link = new ScriptedLink(this, streamLimit)
    this.listener.onLink(link)
    return link
  }

  fail(detail = 'ECONNREFUSED'): void {
    this.#decide()
    this.listener.onDialFailed(meshError('connect-failure', detail))
  }

  #decide(): void {
    assert(this.isPending, 'a dial is decided once')
    this.isPending = false
  }
}

/** Dials that a test decides, in the order in which the pool asked for them. */
export class ScriptedDialer {
  readonly dials: ScriptedDial[] = []

  readonly dial: DialLink = (endpoint, timeoutMs, listener) => {
    this.dials.push(new ScriptedDial(endpoint, timeoutMs, listener))
  }

  get pending(): readonly ScriptedDial[] {
    return this.dials.filter(({ isPending }) => isPending)
  }

  /** The only dial under way. */
  get last(): ScriptedDial {
    const [dial, ...others] = this.pending
    assert(dial !== undefined && others.length === 0, `one dial is under way, not ${this.pending.length}`)
    return dial
  }
}
