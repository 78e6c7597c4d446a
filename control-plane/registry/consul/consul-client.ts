import { EventEmitter } from 'node:events'
import * as http from 'node:http'
import * as https from 'node:https'
import Consul from 'consul'

import { err, ok, type Result } from '../../../certs/result.ts'
import {
  type HealthEntry,
  type KvPair,
  readHealth,
  readKvPair,
  readKvPairs,
  readProblems,
  readServiceNames,
  readSessionId,
  readVersions,
  type TransactionProblem,
} from './consul-answers.ts'

/*
 * The one door to the untyped npm client. Its traps, each of which has a test: a failed compare-and-set or acquire, and
 * a missing key, resolve to undefined; values of a transaction must be base64 already; its own watch has no limit on
 * fast changes, so it is not used; it has no cap on connections; a response that breaks off never settles by itself,
 * so that each request has a time limit; a list with items that are no objects makes it throw from an event handler.
 */

/** Connections for blocking queries, and for everything else: together well below the 200 that an agent grants one client. */
export const CONSUL_CONNECTIONS = { blocking: 80, other: 16 } as const

/** Why Consul did not do what it was asked. */
export type ConsulFailure =
  /** No answer, or one that makes no sense: nothing is known about the outcome. */
  | { readonly kind: 'unreachable'; readonly detail: string }
  | {
      readonly kind: 'refused'
      readonly status: number
      readonly detail: string
      readonly problems: readonly TransactionProblem[]
    }

/** What a query answers, with what is needed to ask for the next change. */
export interface Answer<T> {
  readonly value: T
  /** `X-Consul-Index`. */
  readonly index: number
  /** False: the server has no leader, and what it says may be old or nothing. */
  readonly knowsLeader: boolean
}

/** How to ask: now and from the leader for certain, or when something has changed since `index`. */
export type Ask =
  | { readonly kind: 'now' }
  | { readonly kind: 'on-change'; readonly index: number; readonly waitMs: number; readonly signal: AbortSignal }

/** One operation of a transaction on keys, as Consul's API has it; the value is base64. */
export interface KvOperation {
  readonly Verb: 'set' | 'cas' | 'delete' | 'delete-cas' | 'check-session' | 'lock' | 'unlock'
  readonly Key: string
  readonly Value?: string
  readonly Index?: number
  readonly Session?: string
}

/** A service instance as an agent is told of it. */
export interface AgentService {
  readonly id: string
  readonly name: string
  readonly address: string
  readonly port: number
  readonly meta: Readonly<Record<string, string>>
  readonly tags: readonly string[]
  readonly check: { readonly ttl: string; readonly status: 'passing'; readonly deregistercriticalserviceafter: string }
}

/** Where Consul is and how to speak to it. */
export interface ConsulTarget {
  readonly host: string
  readonly port: number
  readonly secure: boolean
  readonly token: string | undefined
  /** Time limit of every request that does not block, ms. */
  readonly timeoutMs: number
}

type Options = Record<string, unknown>
/** A method of the client. Its declared options leave out what every method takes (`index`, `wait`, `timeout`, `ctx`), so they are not used. */
type Method = (options: never) => Promise<unknown>

/** Consul's HTTP API as this project uses it. Nothing here throws, and no message holds the token. */
export class ConsulClient {
  readonly #target: ConsulTarget
  readonly #consul: Consul
  readonly #blockingConsul: Consul

  constructor(target: ConsulTarget) {
    this.#target = target
    this.#consul = connect(target, CONSUL_CONNECTIONS.other)
    this.#blockingConsul = connect(target, CONSUL_CONNECTIONS.blocking)
  }

  /** The leader's address; empty while there is none. */
  leader(timeoutMs: number): Promise<Result<string, ConsulFailure>> {
    const read = (raw: unknown): string => (typeof raw === 'string' ? raw : '')
    return this.#send((options) => this.#consul.status.leader(options), { timeout: timeoutMs }, read)
  }

  find(key: string, ask: Ask): Promise<Result<Answer<KvPair | undefined>, ConsulFailure>> {
    const read = (raw: unknown): { pair: KvPair | undefined } | undefined => {
      const pair = raw === undefined ? undefined : readKvPair(raw)
      return raw !== undefined && pair === undefined ? undefined : { pair }
    }
    return this.#query((consul) => (options) => consul.kv.get(options), { key, buffer: true }, ask, read).then(
      (answer) => (answer.ok ? ok({ ...answer.value, value: answer.value.value.pair }) : answer),
    )
  }

  list(prefix: string, ask: Ask): Promise<Result<Answer<KvPair[]>, ConsulFailure>> {
    const options = { key: prefix, recurse: true, buffer: true }
    return this.#query((consul) => (all) => consul.kv.get(all), options, ask, readKvPairs)
  }

  services(ask: Ask): Promise<Result<Answer<string[]>, ConsulFailure>> {
    return this.#query((consul) => (all) => consul.catalog.service.list(all), {}, ask, readServiceNames)
  }

  /** Instances in every state of health. */
  health(service: string, ask: Ask): Promise<Result<Answer<HealthEntry[]>, ConsulFailure>> {
    return this.#query((consul) => (all) => consul.health.service(all), { service }, ask, readHealth)
  }

  /** Versions of the keys that were set. Rolled back: refused with 409 and the problems. */
  transact(operations: readonly KvOperation[]): Promise<Result<Map<string, number>, ConsulFailure>> {
    const body = operations.map((operation) => ({ KV: operation }))
    // The client declares the operations without the `KV` around each that Consul wants.
    const send: Method = (options) => this.#consul.transaction.create(body as never, options)
    return this.#send(send, {}, readVersions)
  }

  /** Writes one value whole, without base64. False: the compare-and-set did not hold. */
  put(key: string, value: Buffer, cas: number | undefined): Promise<Result<boolean, ConsulFailure>> {
    const options = cas === undefined ? { key, value } : { key, value, cas }
    // Not `=== false`: what Consul answers with `false`, the client resolves with undefined.
    return this.#send(
      (all) => this.#consul.kv.set(all),
      options,
      (raw) => raw === true,
    )
  }

  register(service: AgentService): Promise<Result<boolean, ConsulFailure>> {
    return this.#send(
      (all) => this.#consul.agent.service.register(all),
      { ...service },
      () => true,
    )
  }

  deregister(id: string): Promise<Result<boolean, ConsulFailure>> {
    return this.#send(
      (all) => this.#consul.agent.service.deregister(all),
      { id },
      () => true,
    )
  }

  pass(checkId: string): Promise<Result<boolean, ConsulFailure>> {
    return this.#send(
      (all) => this.#consul.agent.check.pass(all),
      { id: checkId },
      () => true,
    )
  }

  createSession(session: { name: string; ttl: string; lockdelay: string }): Promise<Result<string, ConsulFailure>> {
    return this.#send((all) => this.#consul.session.create(all), { ...session, behavior: 'release' }, readSessionId)
  }

  renewSession(id: string): Promise<Result<boolean, ConsulFailure>> {
    return this.#send(
      (all) => this.#consul.session.renew(all),
      { id },
      () => true,
    )
  }

  destroySession(id: string): Promise<Result<boolean, ConsulFailure>> {
    return this.#send(
      (all) => this.#consul.session.destroy(all),
      { id },
      () => true,
    )
  }

  /** Closes all connections; what is under way fails. */
  close(): void {
    this.#consul.destroy()
    this.#blockingConsul.destroy()
  }

  async #query<T extends object>(
    method: (consul: Consul) => Method,
    options: Options,
    ask: Ask,
    read: (raw: unknown) => T | undefined,
  ): Promise<Result<Answer<T>, ConsulFailure>> {
    const context = Object.assign(new EventEmitter(), { includeResponse: true })
    const isBlocking = ask.kind === 'on-change'
    if (isBlocking && ask.signal.aborted) return err({ kind: 'unreachable', detail: 'the query was called off' })
    const how: Options = isBlocking ? blockingOptions(ask) : { consistent: true }
    const cancel = (): boolean => context.emit('cancel')
    if (isBlocking) ask.signal.addEventListener('abort', cancel, { once: true })
    const send = method(isBlocking ? this.#blockingConsul : this.#consul)
    const answer = await this.#send(send, { ...options, ...how, ctx: context }, (raw) => readAnswer(raw, read))
    if (isBlocking) ask.signal.removeEventListener('abort', cancel)
    return answer
  }

  async #send<T>(
    send: Method,
    options: Options,
    read: (raw: unknown) => T | undefined,
  ): Promise<Result<T, ConsulFailure>> {
    try {
      const value = read(await send({ timeout: this.#target.timeoutMs, ...options } as never))
      if (value !== undefined) return ok(value)
      return err({ kind: 'unreachable', detail: 'the answer is not one that Consul gives' })
    } catch (error) {
      return err(this.#toFailure(error))
    }
  }

  #toFailure(error: unknown): ConsulFailure {
    const said = error instanceof Error ? error.message : String(error)
    const secret = this.#target.token
    const detail = secret === undefined || secret === '' ? said : said.replaceAll(secret, '(token)')
    const response = typeof error === 'object' && error !== null && 'response' in error ? error.response : undefined
    if (!(response instanceof http.IncomingMessage)) return { kind: 'unreachable', detail }
    const body = 'body' in response ? response.body : undefined
    const text = typeof body === 'string' && body !== '' ? body.slice(0, 300).trim() : detail
    const safe = secret === undefined || secret === '' ? text : text.replaceAll(secret, '(token)')
    return { kind: 'refused', status: response.statusCode ?? 0, detail: safe, problems: readProblems(body) }
  }
}

function connect({ host, port, secure, token }: ConsulTarget, maxSockets: number): Consul {
  const agent = secure
    ? new https.Agent({ keepAlive: true, maxSockets })
    : new http.Agent({ keepAlive: true, maxSockets })
  const decoders = { 'application/json': decodeJson }
  const options = { host, port, secure, agent, decoders, defaults: token === undefined ? {} : { token } }
  return new Consul(options)
}

/** The client looks into the items of a list from an event handler: what is no object there would end the process. */
function decodeJson(body: Buffer): unknown {
  const value: unknown = JSON.parse(body.toString())
  const isUsable = !Array.isArray(value) || value.every((item) => typeof item === 'object' && item !== null)
  if (!isUsable) throw new Error('a list has items that are no objects')
  return value
}

/** Consul adds up to a sixteenth to the wait by itself; five seconds more are for the answer to travel. */
function blockingOptions(ask: Extract<Ask, { kind: 'on-change' }>): Options {
  return {
    index: Math.max(1, ask.index),
    wait: `${Math.round(ask.waitMs)}ms`,
    timeout: Math.ceil(ask.waitMs * 1.0625 + 5_000),
  }
}

/**
 * The client's answer with the response that it came in. Only Consul's own 404 means that there is nothing: a proxy's
 * 404, or a body that the client could not use and left out, must not look like an empty store.
 */
function readAnswer<T>(raw: unknown, read: (raw: unknown) => T | undefined): Answer<T> | undefined {
  if (!Array.isArray(raw) || !(raw[0] instanceof http.IncomingMessage)) return undefined
  const { headers, statusCode } = raw[0]
  const index = Number(headers['x-consul-index'] ?? Number.NaN)
  const isMissing = raw[1] === undefined
  const value = Number.isSafeInteger(index) && (!isMissing || statusCode === 404) ? read(raw[1]) : undefined
  return value === undefined ? undefined : { value, index, knowsLeader: headers['x-consul-knownleader'] !== 'false' }
}
