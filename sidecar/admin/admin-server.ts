import type { IncomingMessage } from 'node:http'
import type { Result } from '../../certs/result.ts'
import { isLogLevel, LOG_LEVELS, type Logger } from '../core/logger.ts'
import { type LocalAnswer, type LocalRoute, type LocalServer, listenLocal } from './local-server.ts'

/** What the admin port shows and does; each function is asked anew for every request. */
export interface AdminSources {
  /** What serves now: `toConfigSummary` of the snapshot. */
  readonly config: () => object
  /** Endpoints with their load and ejection. */
  readonly endpoints: () => object
  /** Our certificate chain and the trust bundle; never a key. */
  readonly certificates: () => object
  /** Recent decisions with their steps, newest first. */
  readonly decisions: () => object
  /** Begins the drain; answers at once. */
  readonly drain: () => void
  readonly log: Logger
}

/** Where the admin port listens. */
export interface AdminOptions {
  /** A loopback address. */
  readonly host: string
  readonly port: number
}

/**
 * The admin port: for a person on this machine. It has no authentication, so it binds loopback only, and refuses requests
 * that a web page could have sent: a Host that is no loopback name (DNS rebinding), or any Origin.
 */
export async function startAdminServer(
  options: AdminOptions,
  sources: AdminSources,
): Promise<Result<LocalServer, string>> {
  if (!isLoopbackHost(options.host)) {
    return { ok: false, error: `Cannot serve the admin port on "${options.host}": wanted a loopback address` }
  }
  const show =
    (source: () => object): LocalRoute =>
    () => ({ status: 200, body: source() })
  return listenLocal({
    ...options,
    flag: '--admin',
    refuse: refuseStrangers,
    routes: {
      'GET /config': show(sources.config),
      'GET /endpoints': show(sources.endpoints),
      'GET /certs': show(sources.certificates),
      'GET /trace': show(sources.decisions),
      'GET /log-level': () => ({ status: 200, body: { level: sources.log.level } }),
      'POST /log-level': (_request, body) => setLogLevel(sources.log, body),
      'POST /drain': () => {
        sources.drain()
        return { status: 202, body: { draining: true } }
      },
    },
  })
}

/** `127.0.0.0/8`, `::1` and `localhost`. */
export const isLoopbackHost = (host: string): boolean =>
  host === '::1' || host.toLowerCase() === 'localhost' || /^127(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}$/.test(host)

function refuseStrangers(request: IncomingMessage): LocalAnswer | undefined {
  const host = /^(?:\[([^\]]+)\]|([^:]*))(?::\d{1,5})?$/.exec(request.headers.host ?? '')
  if (host === null || !isLoopbackHost(host[1] ?? host[2] ?? '')) {
    return { status: 403, body: { error: 'the Host header does not name this machine' } }
  }
  if (request.headers.origin !== undefined) return { status: 403, body: { error: 'web pages may not ask' } }
  return undefined
}

/** Takes `debug`, or `{"level":"debug"}`. */
function setLogLevel(log: Logger, body: string): LocalAnswer {
  const level = /^\s*(?:\{\s*"level"\s*:\s*"(\w+)"\s*\}|(\w+))\s*$/.exec(body)
  const wanted = level?.[1] ?? level?.[2] ?? ''
  if (!isLogLevel(wanted)) return { status: 400, body: { error: `wanted one of ${LOG_LEVELS.join(', ')}` } }
  log.setLevel(wanted)
  return { status: 200, body: { level: wanted } }
}
