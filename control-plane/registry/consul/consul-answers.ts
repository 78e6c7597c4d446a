/** One key as Consul tells it. */
export interface KvPair {
  readonly key: string
  readonly value: Buffer
  readonly modifyIndex: number
  /** Who holds it as a lock. */
  readonly session: string | undefined
}

/** One check of a service instance or of its node. */
export interface HealthCheck {
  readonly id: string
  readonly status: string
}

/** One instance as the health endpoint tells it, in whatever state. */
export interface HealthEntry {
  readonly node: string
  readonly nodeAddress: string
  readonly id: string
  readonly service: string
  readonly address: string
  readonly port: number
  readonly tags: readonly string[]
  readonly meta: Readonly<Record<string, string>>
  readonly createIndex: number
  readonly checks: readonly HealthCheck[]
}

/** Why one operation of a transaction failed. */
export interface TransactionProblem {
  readonly operation: number
  readonly what: string
}

/** `GET /v1/kv/…` through the client with `buffer: true`. Undefined: not an answer of Consul's. An empty value comes as null. */
export function readKvPair(raw: unknown): KvPair | undefined {
  const fields = toFields(raw)
  const key = fields['Key']
  const modifyIndex = fields['ModifyIndex']
  const value = fields['Value'] ?? Buffer.alloc(0)
  const session = fields['Session']
  if (typeof key !== 'string' || typeof modifyIndex !== 'number' || !Buffer.isBuffer(value)) return undefined
  return { key, value, modifyIndex, session: typeof session === 'string' && session !== '' ? session : undefined }
}

/** `GET /v1/kv/…?recurse`; the client answers undefined where there is none. */
export const readKvPairs = (raw: unknown): KvPair[] | undefined => (raw === undefined ? [] : readAll(raw, readKvPair))

/** `GET /v1/catalog/services`: an object whose keys are the names. */
export function readServiceNames(raw: unknown): string[] | undefined {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw) ? Object.keys(raw).sort() : undefined
}

/** `GET /v1/health/service/:name`. */
export const readHealth = (raw: unknown): HealthEntry[] | undefined => readAll(raw, readHealthEntry)

/** `PUT /v1/txn`: the version of each key that was set; deletions have no result. */
export function readVersions(raw: unknown): Map<string, number> | undefined {
  const results = toFields(raw)['Results']
  if (results === null || results === undefined) return new Map()
  const pairs = readAll(results, (result) => {
    const kv = toFields(toFields(result)['KV'])
    const key = kv['Key']
    const version = kv['ModifyIndex']
    return typeof key === 'string' && typeof version === 'number' ? ([key, version] as const) : undefined
  })
  return pairs === undefined ? undefined : new Map(pairs)
}

/** The body of a transaction that was rolled back (409). */
export function readProblems(raw: unknown): TransactionProblem[] {
  const problems = readAll(toFields(raw)['Errors'], (problem) => {
    const { OpIndex: operation, What: what } = toFields(problem)
    return typeof operation === 'number' && typeof what === 'string' ? { operation, what } : undefined
  })
  return problems ?? []
}

/** `PUT /v1/session/create`. */
export function readSessionId(raw: unknown): string | undefined {
  const id = toFields(raw)['ID']
  return typeof id === 'string' && id !== '' ? id : undefined
}

function readHealthEntry(raw: unknown): HealthEntry | undefined {
  const { Node: rawNode, Service: rawService, Checks: rawChecks } = toFields(raw)
  const { Node: node, Address: nodeAddress } = toFields(rawNode)
  const {
    ID: id,
    Service: service,
    Address: address,
    Port: port,
    CreateIndex: createIndex,
    Tags,
    Meta,
  } = toFields(rawService)
  const checks = readAll(rawChecks, readCheck)
  if (typeof node !== 'string' || typeof nodeAddress !== 'string' || checks === undefined) return undefined
  if (typeof id !== 'string' || typeof service !== 'string' || typeof port !== 'number') return undefined
  return {
    node,
    nodeAddress,
    id,
    service,
    address: typeof address === 'string' ? address : '',
    port,
    tags: readAll(Tags ?? [], toText) ?? [],
    meta: Object.fromEntries(Object.entries(toFields(Meta)).map(([name, value]) => [name, String(value)])),
    createIndex: typeof createIndex === 'number' ? createIndex : 0,
    checks,
  }
}

function readCheck(raw: unknown): HealthCheck | undefined {
  const { CheckID: id, Status: status } = toFields(raw)
  return typeof id === 'string' && typeof status === 'string' ? { id, status } : undefined
}

const toText = (raw: unknown): string | undefined => (typeof raw === 'string' ? raw : undefined)

/** Undefined if `raw` is no list, or one item of it can't be read. */
function readAll<T extends object | string>(raw: unknown, read: (item: unknown) => T | undefined): T[] | undefined {
  if (!Array.isArray(raw)) return undefined
  const items: T[] = []
  for (const one of raw) {
    const item = read(one)
    if (item === undefined) return undefined
    items.push(item)
  }
  return items
}

function toFields(raw: unknown): Readonly<Record<string, unknown>> {
  return typeof raw === 'object' && raw !== null ? (raw as Record<string, unknown>) : {}
}
