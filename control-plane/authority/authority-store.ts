import type { Certificate } from '../../certs/read-certificate.ts'
import { err, ok, type Result } from '../../certs/result.ts'
import type { SpiffeId } from '../../certs/spiffe-id.ts'
import type { Lock, Registry, RegistryError, Watch } from '../registry/registry.ts'
import {
  type AuthorityLifetimes,
  type AuthorityState,
  createState,
  readState,
  renewIssuing,
  writeState,
} from './authority-state.ts'

/** Where the authority's state stands in the registry, and the lock under which it is changed: names below the prefix. */
const STATE_NAME = 'state'
const LOCK_NAME = 'lock'

/** What a store needs to find the state and to open it. */
export interface StateAccess {
  /** `outrigger/<mesh>/authority/`. */
  readonly prefix: string
  /** The trust domain's own id. */
  readonly id: SpiffeId
  readonly sealKey: Buffer
}

interface Held {
  readonly state: AuthorityState
  readonly version: number
}

/** The authority's state in the registry. Changes happen under a lock, and only to the version that was read under it. */
export class AuthorityStore {
  readonly #registry: Registry
  readonly #id: SpiffeId
  readonly #sealKey: Buffer
  readonly #stateKey: string
  readonly #lockKey: string

  constructor(registry: Registry, access: StateAccess) {
    this.#registry = registry
    this.#id = access.id
    this.#sealKey = access.sealKey
    this.#stateKey = access.prefix + STATE_NAME
    this.#lockKey = access.prefix + LOCK_NAME
  }

  /** The state; made if there is none. A state that can't be read is an error and is never replaced. */
  async loadOrCreate(
    lifetimes: AuthorityLifetimes,
    wallMs: () => number,
    signal: AbortSignal,
  ): Promise<Result<AuthorityState, string>> {
    const found = await this.#load()
    if (!found.ok) return found
    if (found.value !== undefined) return ok(found.value.state)
    return this.#underLock(signal, async (lock) => {
      const again = await this.#load()
      if (!again.ok) return again
      if (again.value !== undefined) return ok(again.value.state)
      return this.#put(createState(this.#id, lifetimes, wallMs()), 0, lock)
    })
  }

  /** A state with a newer issuing certificate than `held`: another replica's if it was faster, else one made now. */
  renewIssuing(
    held: Certificate,
    term: () => { readonly wallMs: number; readonly lifetimeMs: number },
    signal: AbortSignal,
  ): Promise<Result<AuthorityState, string>> {
    return this.#underLock(signal, async (lock) => {
      const found = await this.#load()
      if (!found.ok) return found
      if (found.value === undefined) return err("the authority's state is gone from the registry")
      const { state, version } = found.value
      if (!state.issuing.certificate.der.equals(held.der)) return ok(state)
      const renewed = renewIssuing(state, this.#id, term())
      return renewed.ok ? this.#put(renewed.value, version, lock) : renewed
    })
  }

  /** Tells every state that the registry gets; an error when it is not one of ours, or gone. */
  watch(listener: (read: Result<AuthorityState, string>) => void): Watch {
    return this.#registry.watchPrefix(this.#stateKey, {
      onState: (entries) => {
        const entry = entries.find(({ key }) => key === this.#stateKey)
        listener(entry === undefined ? err("the authority's state is gone from the registry") : this.#read(entry.value))
      },
      // what is held goes on signing
      onAvailability: () => {},
    })
  }

  async #underLock<T>(
    signal: AbortSignal,
    work: (lock: Lock) => Promise<Result<T, string>>,
  ): Promise<Result<T, string>> {
    const lock = await this.#registry.acquireLock(this.#lockKey, signal)
    if (lock === undefined) return err("no lock on the authority's state could be had in the registry")
    try {
      return await work(lock)
    } finally {
      await lock.release()
    }
  }

  async #load(): Promise<Result<Held | undefined, string>> {
    const entry = await this.#registry.get(this.#stateKey, { consistent: true })
    if (!entry.ok) return err(toSentence('read', entry.error))
    if (entry.value === undefined) return ok(undefined)
    const state = this.#read(entry.value.value)
    return state.ok ? ok({ state: state.value, version: entry.value.version }) : state
  }

  async #put(state: AuthorityState, expectedVersion: number, lock: Lock): Promise<Result<AuthorityState, string>> {
    const value = writeState(state, this.#sealKey)
    const put = await this.#registry.put(this.#stateKey, value, { expectedVersion, lock })
    return put.ok ? ok(state) : err(toSentence('write', put.error))
  }

  #read(value: Buffer): Result<AuthorityState, string> {
    return readState(value, this.#id.trustDomain, this.#sealKey)
  }
}

const toSentence = (what: string, error: RegistryError): string =>
  `the registry would not ${what} the authority's state (${error.kind}): ${error.detail}`
