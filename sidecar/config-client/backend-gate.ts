import { resourceKey } from '../config/resources.ts'
import type { ArrivedEvent } from './watch-event.ts'

type Told = Extract<ArrivedEvent, { type: 'put' | 'delete' }>

/** What a service's routes lead to, and what must be known of it before they count. */
export interface Need {
  readonly kind: 'Service' | 'Endpoints'
  readonly name: string
}

/**
 * Make before break: routes that lead to services which this sidecar does not know yet are held back until their
 * endpoints are known, and the earlier routes serve on. Otherwise the first requests after a change of routes would find
 * no endpoint. A backend that does not exist counts as known as soon as the control plane has said so.
 */
export class BackendGate {
  readonly #held = new Map<string, Told>()

  /** Nothing is held back. */
  get isEmpty(): boolean {
    return this.#held.size === 0
  }

  /** Forgets what is held: it will be told again. */
  clear(): void {
    this.#held.clear()
  }

  /** Forgets what is held of a service that nobody wants any more. */
  drop(name: string): void {
    this.#held.delete(name)
  }

  /**
   * Sorts events that arrived together: `now` may be applied, in this order, as one swap; `needs` must be asked for.
   * `isKnown`: the control plane has answered for this resource before.
   */
  admit(events: readonly Told[], isKnown: (key: string) => boolean): { now: readonly Told[]; needs: readonly Need[] } {
    const arriving = new Set(events.map(({ kind, name }) => resourceKey(kind, name)))
    const isMissing = ({ kind, name }: Need): boolean => {
      const key = resourceKey(kind, name)
      return !arriving.has(key) && !isKnown(key)
    }
    const now: Told[] = []
    const needs: Need[] = []
    for (const event of events) {
      if (event.kind !== 'Service') {
        now.push(event)
        continue
      }
      this.#held.delete(event.name)
      const missing = needsOf(event).filter(isMissing)
      if (missing.length === 0) now.push(event)
      else {
        this.#held.set(event.name, event)
        needs.push(...missing)
      }
    }
    for (const [name, event] of this.#held) {
      if (events.includes(event) || needsOf(event).some(isMissing)) continue
      this.#held.delete(name)
      now.push(event)
    }
    return { now, needs }
  }
}

/** Endpoints of every backend, and the settings of those that are other services. The resource is unchecked still. */
function needsOf(event: Told): Need[] {
  if (event.type === 'delete') return []
  const names = new Set<string>()
  for (const rule of listOf(event.resource, 'routes')) {
    for (const backend of listOf(rule, 'backends')) {
      const { service, invalid } = backend as { service?: unknown; invalid?: unknown }
      if (typeof service === 'string' && invalid === undefined) names.add(service)
    }
  }
  return [...names].flatMap((name): Need[] => [
    { kind: 'Endpoints', name },
    ...(name === event.name ? [] : [{ kind: 'Service' as const, name }]),
  ])
}

function listOf(value: unknown, key: string): readonly object[] {
  const list = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined
  return Array.isArray(list) ? list.filter((item) => typeof item === 'object' && item !== null) : []
}
