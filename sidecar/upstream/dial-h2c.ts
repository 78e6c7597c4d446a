import type { Socket } from 'node:net'
import { Http2ClientConnection } from '../connection/http2-client-connection.ts'
import { SocketDial } from '../connection/socket-dial.ts'
import type { Clock } from '../core/clock.ts'
import { type MeshError, meshError } from '../core/mesh-errors.ts'
import type { TimerWheel } from '../core/timer-wheel.ts'
import { LINK_SETTINGS } from '../http2/http2-settings.ts'
import type { Http2Counters } from '../http2/stream/http2-counters.ts'
import type { DialLink, DialListener } from './link.ts'

interface H2cDialerDeps {
  readonly clock: Clock
  readonly wheel: TimerWheel
  /** Where defences are counted. */
  readonly counters: Http2Counters
}

/**
 * How long an application that accepted has for its SETTINGS. One that is busy for longer gets its requests all the same;
 * they wait there as well as here.
 */
const SETTINGS_WAIT_MS = 1_000

/**
 * Dials HTTP/2 with prior knowledge (RFC 9113 §3.3) to an application on this host. The connection stands when the
 * application's SETTINGS came: streams over a limit that is not known yet would be refused, and a request whose body is
 * longer than what is kept cannot be sent again.
 */
export function createH2cDialer(deps: H2cDialerDeps): DialLink {
  return ({ address, port }, timeoutMs, listener) => {
    const where = `${address}:${port}`
    new SocketDial({ host: address, port }, timeoutMs, deps.wheel, {
      onSocket: (socket) => speak(deps, socket, where, listener),
      onFailed: (reason) =>
        listener.onDialFailed(meshError('connect-failure', `cannot connect to ${where}: ${reason}`)),
    })
  }
}

/** Hands the connection over when the application has spoken, or was silent for long enough. */
function speak({ clock, wheel, counters }: H2cDialerDeps, socket: Socket, where: string, listener: DialListener): void {
  let isHanded = false
  const hand = (): void => {
    isHanded = true
    patience.cancel()
    listener.onLink(link)
  }
  const link: Http2ClientConnection = new Http2ClientConnection(socket, {
    settings: LINK_SETTINGS,
    clock,
    wheel,
    counters,
    // A peer on this host is not lost without a word, and servers of gRPC take frequent PINGs for an attack.
    keepAlive: false,
    onCapacity: () => {
      if (isHanded) listener.onCapacity(link)
      else if (link.knowsPeer) hand()
    },
    onGone: () => {
      patience.cancel()
      if (isHanded) listener.onGone(link)
      else listener.onDialFailed(whyNoLink(where, link.failure))
    },
  })
  const patience = clock.after(SETTINGS_WAIT_MS, hand, { background: true })
}

/** Nothing was sent yet, so an application that ends or breaks the connection is one that cannot be reached. */
function whyNoLink(where: string, failure: MeshError | undefined): MeshError {
  if (failure === undefined) return meshError('connect-failure', `${where} closed the connection at once`)
  return failure.code === 'reset' ? meshError('connect-failure', `${where}: ${failure.detail}`) : failure
}
