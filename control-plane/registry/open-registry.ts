import { err, type Result } from '../../certs/result.ts'
import type { Clock } from '../../sidecar/core/clock.ts'
import type { Random } from '../../sidecar/core/random.ts'
import { EmbeddedRegistry } from './embedded/embedded-registry.ts'
import type { Registry } from './registry.ts'

/** What every registry needs from the outside. */
export interface RegistryOptions {
  readonly clock: Clock
  readonly random: Random
  /** Consul's ACL token. It never appears in a message. */
  readonly consulToken?: string
}

const ALLOWED = 'Allowed are "embedded:PATH" (one file), "embedded::memory:" and "consul://HOST:PORT"'

/** Opens the registry that `url` names. The error is one paragraph for a person: what was found, what is allowed. */
export async function openRegistry(url: string, options: RegistryOptions): Promise<Result<Registry, string>> {
  if (url.startsWith('embedded:')) {
    const path = url.slice('embedded:'.length)
    if (path === '') return err(`The registry "${url}" names no file. ${ALLOWED}.`)
    return EmbeddedRegistry.open(path, options)
  }
  return err(`Cannot use the registry "${url}". ${ALLOWED}.`)
}
