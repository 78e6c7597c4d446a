import { connect } from 'node:tls'
import { Http2ClientConnection } from '../connection/http2-client-connection.ts'
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import { meshError } from '../core/mesh-errors.ts'
import type { TimerWheel } from '../core/timer-wheel.ts'
import { LINK_SETTINGS } from '../http2/http2-settings.ts'
import type { Http2Counters } from '../http2/stream/http2-counters.ts'
import type { IdentityStore } from '../mtls/identity-store.ts'
import { linkClientOptions } from '../mtls/tls-contexts.ts'
import { verifyPeer } from '../mtls/verify-peer.ts'
import type { DialLink, DialListener, LinkTarget } from './link.ts'

interface LinkDialerDeps {
  readonly identities: IdentityStore
  readonly clock: Clock
  readonly wheel: TimerWheel
  readonly log: Logger
  /** Where defences are counted. */
  readonly counters: Http2Counters
}

/** Where no timeout is set, a handshake does not take longer than this. */
const LONGEST_DIAL_MS = 10_000

/** Dials mesh links: TCP, TLS 1.3 with our certificate, and only the identity that the endpoint must have is believed. */
export function createLinkDialer(deps: LinkDialerDeps): DialLink {
  return (endpoint, timeoutMs, listener) => dial(deps, endpoint, timeoutMs, listener)
}

function dial(
  { identities, clock, wheel, log, counters }: LinkDialerDeps,
  endpoint: LinkTarget,
  timeoutMs: number,
  listener: DialListener,
): void {
  const identity = identities.current
  const where = `${endpoint.id} at ${endpoint.address}:${endpoint.port}`
  const fail = (detail: string): void => listener.onDialFailed(meshError('connect-failure', `${where}: ${detail}`))
  if (identity === undefined) return void queueMicrotask(() => fail('we have no certificate yet'))
  const socket = connect({ ...linkClientOptions(identity), host: endpoint.address, port: endpoint.port })
  let isDecided = false
  const decide = (): boolean => {
    if (isDecided) return false
    isDecided = true
    timer.cancel()
    return true
  }
  const giveUp = (detail: string): void => {
    socket.destroy()
    if (decide()) fail(detail)
  }
  const limitMs = timeoutMs > 0 ? timeoutMs : LONGEST_DIAL_MS
  const timer = clock.after(limitMs, () => giveUp(`no connection within ${limitMs} ms`), {
    background: true,
  })
  socket.on('error', (error: NodeJS.ErrnoException) => giveUp(error.code ?? error.message))
  const onClose = (): void => giveUp('the peer closed the connection during the handshake')
  socket.once('close', onClose)
  socket.once('secureConnect', () => {
    const identitiesWanted = endpoint.identity === undefined ? [] : [endpoint.identity]
    const verified = verifyPeer(socket, {
      bundle: identity.bundle,
      wallMs: clock.wallMs(),
      identities: identitiesWanted,
    })
    if (!verified.ok) {
      log.warn('endpoint refused', { endpoint: endpoint.id, reason: verified.error.sentence })
      return giveUp(verified.error.sentence)
    }
    if (!decide()) return
    socket.removeListener('close', onClose) // this one alone: Node frees the TLS state by another
    const link: Http2ClientConnection = new Http2ClientConnection(socket, {
      settings: LINK_SETTINGS,
      keepAlive: true,
      clock,
      wheel,
      counters,
      onCapacity: () => listener.onCapacity(link),
      onGone: () => listener.onGone(link),
    })
    listener.onLink(link)
  })
}
