import { Agent } from 'node:http'
import { fileURLToPath } from 'node:url'
import { ApiClient } from '../../../cli/api-client.ts'
import { readManifestFiles } from '../../../cli/manifest-files.ts'
import type { RunningMesh } from '../../../cli/up/running-mesh.ts'
import { waitUntil } from '../../../cli/up/wait-until.ts'
import { sleep, systemClock } from '../../../sidecar/core/clock.ts'
import { between, fetchWith, freeze, type Load, type LoadCounts } from './load.ts'

/** What the story showed, chapter by chapter. */
export interface StoryOutcome {
  /** Answers by version while a tenth of the traffic was for v2. */
  readonly split: { readonly v1: number; readonly v2: number }
  /** Requests that the policy refused, as it should. */
  readonly denied: number
  /** Sentences: what did not come about. */
  readonly objections: readonly string[]
}

/** What the chapters share. */
export interface StoryDeps {
  readonly mesh: RunningMesh
  readonly load: Load
  readonly tell: (text: string) => void
  readonly isAborted: () => boolean
}

const POLICIES = new URL('../../../manifests/policies/', import.meta.url)
const OWN = new URL('./', import.meta.url)
const SEEN_WITHIN_MS = 10_000
const BACK_WITHIN_MS = 20_000
/** Enough to tell a tenth from a fifth and from nothing: 400 answers, 40 expected, standard deviation 6. */
const SPLIT_REQUESTS = 400
const SPLIT_WITHIN_MS = 20_000
const DENIED_REQUESTS = 20

/** Changes the running mesh under load, and waits each time until the change is seen in the answers. */
export async function playStory(deps: StoryDeps): Promise<StoryOutcome> {
  const { tell } = deps
  const objections: string[] = []
  const object = (result: string | undefined): void => {
    if (result !== undefined) objections.push(result)
  }
  tell('All of inventory is version 1. Shoppers ask web, web asks orders, orders asks inventory and pricing.')
  await sleep(systemClock, 2_000)

  tell('A tenth of inventory goes to version 2: outrigger apply -f manifests/policies/inventory-split-10-percent.yaml')
  const split = await shiftATenth(deps)
  object(split.objection)

  tell('All of inventory goes to version 2: outrigger apply -f manifests/policies/inventory-all-to-v2.yaml')
  object(await shiftAll(deps))

  tell('shopper may not see /admin of orders any more: outrigger apply -f examples/shop/demo/deny-shopper-admin.yaml')
  const denial = await deny(deps)
  object(denial.objection)

  object(await crash(deps))
  return { split: split.counts, denied: denial.denied, objections }
}

async function shiftATenth(deps: StoryDeps): Promise<{ counts: { v1: number; v2: number }; objection?: string }> {
  const { load } = deps
  const before = freeze(load.counts)
  await apply(deps, new URL('inventory-split-10-percent.yaml', POLICIES))
  const seen = await until(deps, SEEN_WITHIN_MS, () => since(load, before).split.v2 > 0)
  if (!seen) return { counts: since(load, before).split, objection: 'no answer of version 2 came after the split' }
  const start = freeze(load.counts)
  await until(deps, SPLIT_WITHIN_MS, () => since(load, start).requests >= SPLIT_REQUESTS)
  const { v1, v2 } = since(load, start).split
  const share = v2 / Math.max(1, v1 + v2)
  const isTenth = share > 0.03 && share < 0.2
  return isTenth ? { counts: { v1, v2 } } : { counts: { v1, v2 }, objection: `a tenth became ${v2} of ${v1 + v2}` }
}

async function shiftAll(deps: StoryDeps): Promise<string | undefined> {
  const { load } = deps
  await apply(deps, new URL('inventory-all-to-v2.yaml', POLICIES))
  let last = freeze(load.counts)
  let quietSinceRequests = last.requests
  const done = await until(deps, SEEN_WITHIN_MS, () => {
    const now = load.counts
    if (now.split.v1 > last.split.v1) quietSinceRequests = now.requests
    last = freeze(now)
    return now.requests - quietSinceRequests >= 100
  })
  return done ? undefined : 'version 1 still answered after all traffic was for version 2'
}

async function deny(deps: StoryDeps): Promise<{ denied: number; objection?: string }> {
  const { mesh } = deps
  const agent = new Agent({ keepAlive: true })
  const ask = async (): Promise<number> =>
    (await fetchWith(agent, `${mesh.upstreamUrl('shopper', 'orders')}/admin`)).status
  try {
    const before = await ask()
    if (before !== 200) return { denied: 0, objection: `/admin answered ${before} before it was denied` }
    await apply(deps, new URL('deny-shopper-admin.yaml', OWN))
    // Two replicas learn of it, one after the other: a few refusals in a row mean both.
    let inARow = 0
    const isDenied = await until(deps, SEEN_WITHIN_MS, async () => {
      inARow = (await ask()) === 403 ? inARow + 1 : 0
      return inARow >= 8
    })
    if (!isDenied) return { denied: 0, objection: 'the shopper was not refused' }
    let denied = 0
    for (let i = 0; i < DENIED_REQUESTS; i++) if ((await ask()) === 403) denied++
    const objection = denied < DENIED_REQUESTS ? `${DENIED_REQUESTS - denied} calls of /admin were let in` : undefined
    return objection === undefined ? { denied } : { denied, objection }
  } finally {
    agent.destroy()
  }
}

async function crash(deps: StoryDeps): Promise<string | undefined> {
  const { mesh, load, tell } = deps
  const victim = await busierReplica(load)
  const name = `orders-${victim}`
  tell(`kill -9 for ${name}, program and sidecar, under load: what fails there is repeated at the other replica`)
  mesh.crash(name, 1_500)
  await sleep(systemClock, 500)
  const ready = await mesh.waitReady(name, BACK_WITHIN_MS)
  if (!ready.ok) return `${name} did not come back: ${ready.error}`
  tell(`${name} is back, under the same name, with a new process`)
  const before = freeze(load.counts)
  const isUsed = await until(deps, BACK_WITHIN_MS, () => (since(load, before).replicas[victim] ?? 0) > 0)
  return isUsed ? undefined : `${name} came back and got no request`
}

/** The replica that the balancers like better at present: its crash is noticed most. */
async function busierReplica(load: Load): Promise<string> {
  const before = freeze(load.counts)
  await sleep(systemClock, 500)
  const { replicas } = since(load, before)
  return (replicas['2'] ?? 0) > (replicas['1'] ?? 0) ? '2' : '1'
}

/** What `outrigger apply -f FILE` does. */
export async function apply({ mesh }: StoryDeps, file: URL): Promise<void> {
  const files = readManifestFiles([fileURLToPath(file)])
  await new ApiClient(mesh.apiUrl, undefined).call('PUT', '/v1/manifests', { namespace: 'shop', files })
}

const since = (load: Load, before: LoadCounts): LoadCounts => between(before, load.counts)

async function until(deps: StoryDeps, timeoutMs: number, check: () => boolean | Promise<boolean>): Promise<boolean> {
  const result = await waitUntil(systemClock, timeoutMs, async () =>
    deps.isAborted() || (await check()) ? undefined : 'not yet',
  )
  return result.ok
}
