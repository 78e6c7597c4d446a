import { connect } from 'node:net'
import { Http2ClientConnection } from '../connection/http2-client-connection.ts'
import type { Clock } from '../core/clock.ts'
import { meshError } from '../core/mesh-errors.ts'
import type { TimerWheel } from '../core/timer-wheel.ts'
import { LINK_SETTINGS } from '../http2/http2-settings.ts'
import type { Http2Counters } from '../http2/stream/flood-guard.ts'
import type { DialLink } from './link-pool.ts'

interface H2cDialerDeps {
  readonly clock: Clock
  readonly wheel: TimerWheel
  /** Where defences are counted. */
  readonly counters: Http2Counters
}

/** Dials HTTP/2 with prior knowledge (RFC 9113 §3.3) to an application on this host. */
export function createH2cDialer({ clock, wheel, counters }: H2cDialerDeps): DialLink {
  return ({ address, port }, timeoutMs, listener) => {
    const socket = connect({ host: address, port, noDelay: true })
    const fail = (detail: string): void => {
      timer.cancel()
      socket.removeListener('connect', onConnect)
      socket.removeListener('error', onError)
      socket.on('error', () => undefined)
      socket.destroy()
      listener.onDialFailed(meshError('connect-failure', `cannot connect to ${address}:${port}: ${detail}`))
    }
    const onError = (error: NodeJS.ErrnoException): void => fail(error.code ?? error.message)
    const onConnect = (): void => {
      timer.cancel()
      socket.removeListener('error', onError)
      const link: Http2ClientConnection = new Http2ClientConnection(socket, {
        settings: LINK_SETTINGS,
        clock,
        wheel,
        counters,
        // A peer on this host is not lost without a word, and servers of gRPC take frequent PINGs for an attack.
        keepAlive: false,
        onCapacity: () => listener.onCapacity(link),
        onGone: () => listener.onGone(link),
      })
      listener.onLink(link)
    }
    const timer = clock.after(timeoutMs, () => fail(`no connection within ${timeoutMs} ms`), { background: true })
    socket.once('error', onError)
    socket.once('connect', onConnect)
  }
}
