import { LABEL_NAME } from '../config/bootstrap.ts'
import type { SnapshotStore } from '../config/snapshot-store.ts'
import { type Clock, sleep } from '../core/clock.ts'
import { LIMITS } from '../core/limits.ts'
import type { WatchClient } from './watch-client.ts'

interface DiscoveryDeps {
  readonly watch: Pick<WatchClient, 'want' | 'unwant'>
  readonly store: SnapshotStore
  readonly clock: Clock
  /** Namespace of the workload: a bare name means a service there. */
  readonly namespace: string
}

/** A request waits this long for the control plane to say what its host means. */
const ANSWER_WITHIN_MS = 2_000
/** What may follow `name.namespace`, as in the DNS of Kubernetes. */
const SUFFIXES = ['', '.svc', '.svc.cluster.local']

/** Subscribes to services when traffic first names them: a listener that goes by Host need not be told them beforehand. */
export class Discovery {
  readonly #deps: DiscoveryDeps
  /** Asked for before; with the answer that is waited for, until it is there. */
  readonly #asked = new Map<string, Promise<unknown> | undefined>()

  constructor(deps: DiscoveryDeps) {
    this.#deps = deps
  }

  /**
   * Asks for the service that a host, without port and in lower case, means. Undefined where there is nothing to wait for: it is known, was answered
   * before, or is no name of a service. The promise resolves with the answer, or when none comes in time.
   */
  ask(host: string): Promise<unknown> | undefined {
    const { watch, store, clock, namespace } = this.#deps
    if (store.current.serviceByHost.has(host)) return undefined
    const name = toServiceName(host, namespace)
    if (name === undefined) return undefined
    if (this.#asked.has(name)) return this.#asked.get(name)
    if (this.#asked.size >= LIMITS.discoveredServiceCount) return undefined
    const answered = Promise.all([watch.want('Service', name), watch.want('Endpoints', name)])
    const answer = Promise.race([answered, sleep(clock, ANSWER_WITHIN_MS)])
    this.#asked.set(name, answer)
    void answer.then(() => this.#onAnswer(name))
    return answer
  }

  #onAnswer(name: string): void {
    const { watch, store, clock } = this.#deps
    this.#asked.set(name, undefined)
    if (store.current.services.has(name)) return
    clock.after(
      FORGET_AFTER_MS,
      () => {
        if (store.current.services.has(name)) return
        this.#asked.delete(name)
        for (const kind of ['Service', 'Endpoints'] as const) watch.unwant(kind, name)
      },
      { background: true },
    )
  }
}

/** A name that means nothing is remembered this long: who makes names up must not use up the room for those that mean something. */
const FORGET_AFTER_MS = 10_000

/** `orders`, `orders.shop`, `orders.shop.svc.cluster.local` as `namespace/name`; undefined for names of another form. */
export function toServiceName(host: string, namespace: string): string | undefined {
  const [name = '', of = namespace, ...rest] = host.split('.')
  const suffix = rest.length === 0 ? '' : `.${rest.join('.')}`
  return LABEL_NAME.test(name) && LABEL_NAME.test(of) && SUFFIXES.includes(suffix) ? `${of}/${name}` : undefined
}
