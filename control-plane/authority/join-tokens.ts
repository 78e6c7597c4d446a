import { err, ok, type Result } from '../../certs/result.ts'
import { findWorkload, type SpiffeId } from '../../certs/spiffe-id.ts'
import type { Clock } from '../../sidecar/core/clock.ts'
import type { Entry, Registry, Watch } from '../registry/registry.ts'
import {
  createToken,
  findStoredToken,
  findTokenParts,
  isSecretOf,
  type StoredToken,
  TOKEN_ID,
  type TokenGrant,
  writeToken,
} from './join-token.ts'
import { matchesName } from './name-pattern.ts'
import { type SignRefusal, signRefusal } from './sign-leaf.ts'

/** Ids that the registry is asked about at once; a registry on Consul has 16 connections for everything. */
const MAX_LOOKUPS = 4

/** A token stays this long after its end: the clocks of replicas differ, and somebody may look why it is refused. */
const FORGET_AFTER_MS = 86_400_000
/** One transaction. */
const MAX_FORGOTTEN = 60

/** Why no token was made: what was asked for can't be granted, or the registry did not take it. */
interface TokenProblem {
  readonly kind: 'grant' | 'registry'
  readonly sentence: string
}

/**
 * The join tokens of the mesh, with which a workload proves once that it may have an identity; from then on its
 * certificate speaks for it. They stand in the registry and are watched, so that a token works while the registry is
 * away, and stops everywhere when it is revoked.
 */
export class JoinTokens implements Disposable {
  readonly #registry: Registry
  /** `outrigger/<mesh>/join-tokens/`. */
  readonly #prefix: string
  readonly #clock: Clock
  readonly #watch: Watch
  #known: ReadonlyMap<string, StoredToken> = new Map()
  /** By id: questions to the registry that are not answered yet. */
  readonly #lookups = new Map<string, Promise<Result<StoredToken | undefined, SignRefusal>>>()

  constructor(registry: Registry, prefix: string, clock: Clock) {
    this.#registry = registry
    this.#prefix = prefix
    this.#clock = clock
    this.#watch = registry.watchPrefix(prefix, {
      onState: (entries) => {
        this.#known = byId(entries, prefix)
      },
      onAvailability: () => {},
    })
  }

  /** Makes a token. Its text is the secret and is not kept. */
  async create(grant: TokenGrant): Promise<Result<{ readonly id: string; readonly text: string }, TokenProblem>> {
    const token = createToken(grant)
    if (!token.ok) return err({ kind: 'grant', sentence: token.error })
    const { text, stored } = token.value
    const put = await this.#registry.put(this.#prefix + stored.id, writeToken(stored), { expectedVersion: 0 })
    if (!put.ok) return err({ kind: 'registry', sentence: `Cannot keep the join token: ${put.error.detail}` })
    await this.#forgetOver()
    return ok({ id: stored.id, text })
  }

  /** Takes tokens that were over long ago out of the registry: whoever deploys often makes many. What fails is tried with the next one. */
  async #forgetOver(): Promise<void> {
    const beforeMs = this.#clock.wallMs() - FORGET_AFTER_MS
    const over = [...this.#known.values()].filter(({ expiresAtMs }) => expiresAtMs < beforeMs).slice(0, MAX_FORGOTTEN)
    if (over.length > 0)
      await this.#registry.putAll(over.map(({ id }) => ({ key: this.#prefix + id, value: undefined })))
  }

  /** Makes a token worthless. False when there is none of that id: nothing else is ever deleted by it. */
  async revoke(id: string): Promise<Result<boolean, string>> {
    if (!TOKEN_ID.test(id)) return ok(false)
    const key = this.#prefix + id
    const known = await this.#registry.get(key, { consistent: true })
    if (known.ok && known.value === undefined) return ok(false)
    const deleted = known.ok ? await this.#registry.delete(key) : known
    return deleted.ok ? ok(true) : err(`Cannot revoke the join token: ${deleted.error.detail}`)
  }

  /**
   * Whether the token `text` lets its bearer have `id`. All ways to be wrong give the same answer, so that nobody learns
   * which tokens exist; only a registry that can't be reached is told apart.
   */
  async verify(text: string, id: SpiffeId): Promise<Result<void, SignRefusal>> {
    const parts = findTokenParts(text)
    if (parts === undefined) return REFUSED
    const stored = await this.#find(parts.id)
    if (!stored.ok) return stored
    if (stored.value === undefined || !isSecretOf(stored.value, parts.secret)) return REFUSED
    if (this.#clock.wallMs() >= stored.value.expiresAtMs) return REFUSED
    const workload = findWorkload(id)
    const isAllowed =
      workload !== undefined &&
      stored.value.namespaces.some((pattern) => matchesName(pattern, workload.namespace)) &&
      stored.value.serviceAccounts.some((pattern) => matchesName(pattern, workload.serviceAccount))
    return isAllowed ? ok(undefined) : REFUSED
  }

  [Symbol.dispose](): void {
    this.#watch.stop()
  }

  /**
   * A token that another replica made a moment ago may not have reached our watch: then the registry is asked. Strangers
   * make us ask, so it is once for each id and for a few ids at a time: the registry has more to do than that.
   */
  async #find(id: string): Promise<Result<StoredToken | undefined, SignRefusal>> {
    const known = this.#known.get(id)
    if (known !== undefined) return ok(known)
    const underWay = this.#lookups.get(id)
    if (underWay !== undefined) return underWay
    if (this.#lookups.size >= MAX_LOOKUPS) {
      return signRefusal('unavailable', 'Cannot check the join token now: too many unknown ones are being checked')
    }
    const lookup = this.#lookUp(id).finally(() => this.#lookups.delete(id))
    this.#lookups.set(id, lookup)
    return lookup
  }

  async #lookUp(id: string): Promise<Result<StoredToken | undefined, SignRefusal>> {
    const entry = await this.#registry.get(this.#prefix + id, { consistent: true })
    if (!entry.ok) return signRefusal('unavailable', `Cannot check the join token: ${entry.error.detail}`)
    return ok(entry.value === undefined ? undefined : byId([entry.value], this.#prefix).get(id))
  }
}

const REFUSED = signRefusal('denied', 'Cannot sign: the join token is unknown, over, or not for this identity')

function byId(entries: readonly Entry[], prefix: string): ReadonlyMap<string, StoredToken> {
  const tokens = new Map<string, StoredToken>()
  for (const { key, value } of entries) {
    const stored = findStoredToken(value)
    // a token counts only under its own name
    if (stored !== undefined && key === prefix + stored.id) tokens.set(stored.id, stored)
  }
  return tokens
}
