import { err, ok, type Result } from '../../certs/result.ts'
import type { Clock } from '../../sidecar/core/clock.ts'
import type { Random } from '../../sidecar/core/random.ts'
import { ConsulRegistry } from './consul/consul-registry.ts'
import { EmbeddedRegistry } from './embedded/embedded-registry.ts'
import type { Registry } from './registry.ts'

/** What every registry needs from the outside. */
export interface RegistryOptions {
  readonly clock: Clock
  readonly random: Random
  /** Consul's ACL token. It never appears in a message. */
  readonly consulToken?: string
}

const ALLOWED =
  'Allowed are "embedded:PATH" (one file on this machine), "embedded::memory:" (nothing is kept) and "consul://HOST:PORT"'
const CONSULS_PORT = 8500

/** Opens the registry that `url` names. The error is one paragraph for a person: what was found, what is allowed. */
export async function openRegistry(url: string, options: RegistryOptions): Promise<Result<Registry, string>> {
  const { clock, random, consulToken } = options
  if (url.startsWith('embedded:')) {
    const path = url.slice('embedded:'.length)
    return path === '' ? err(refuse(url, 'it names no file')) : EmbeddedRegistry.open(path, { clock, random })
  }
  if (!url.startsWith('consul:')) return err(refuse(url, 'its kind is not known'))
  const address = readAddress(url)
  if (!address.ok) return address
  return ConsulRegistry.open({
    clock,
    random,
    ...address.value,
    ...(consulToken === undefined ? {} : { token: consulToken }),
  })
}

function readAddress(url: string): Result<{ readonly host: string; readonly port: number }, string> {
  const parsed = URL.parse(url)
  if (parsed === null || parsed.hostname === '')
    return err(refuse(url, 'its address is not HOST:PORT with a port from 1 to 65535'))
  if (parsed.username !== '' || parsed.password !== '' || parsed.search !== '') {
    // What stands there may be a token: it is not repeated.
    const found = `consul://${parsed.host}`
    return err(refuse(found, 'more than an address was given; a token is given apart, never in the address'))
  }
  if (parsed.pathname !== '' && parsed.pathname !== '/') return err(refuse(url, `it has a path, "${parsed.pathname}"`))
  const port = parsed.port === '' ? CONSULS_PORT : Number(parsed.port)
  if (port === 0) return err(refuse(url, 'its port is 0'))
  return ok({ host: parsed.hostname.replace(/^\[(.*)\]$/, '$1'), port })
}

const refuse = (url: string, why: string): string => `Cannot use the registry "${url}": ${why}. ${ALLOWED}.`
