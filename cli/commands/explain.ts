import type { Command } from 'commander'
import { seededRandom } from '../../sidecar/core/random.ts'
import { type ApiFlags, toApiClient, withApiFlags } from '../api-flags.ts'
import { CliError, ExitCode } from '../exit-code.ts'
import { describeRequest } from '../explain/described-request.ts'
import { type ExplainMaterial, explainRequest } from '../explain/explain-request.ts'
import { renderExplanation } from '../explain/render-explanation.ts'

interface ExplainFlags extends ApiFlags {
  readonly from: string
  readonly header?: readonly string[]
  readonly namespace?: string
  readonly seed?: string
  readonly json?: boolean
}

/** A workload that may be the caller. */
interface Caller {
  /** `namespace/name`. */
  readonly name: string
  /** SPIFFE ID. */
  readonly identity: string
}

interface Status {
  readonly workloads: readonly Caller[]
}

/** `outrigger explain GET http://orders/items --from web`: what the mesh would do with a request, and why. */
export function addExplainCommand(program: Command): void {
  const command = program
    .command('explain')
    .summary('say what the mesh does with a request, and why')
    .description(
      'Says what the mesh does with a request, and why: decided by the same engine and the same pushed configuration that the sidecars serve with.',
    )
    .argument('<method>', 'GET, POST, …')
    .argument('<url>', 'http://SERVICE/PATH, as the application would call it')
    .requiredOption(
      '--from <workload>',
      'who calls: a workload, NAME or NAMESPACE/NAME, with @SERVICE-ACCOUNT where several use the name',
    )
    .option('-H, --header <field>', 'header field NAME: VALUE; repeatable', listOf)
    .option('-n, --namespace <name>', 'namespace of the caller, where --from names none')
    .option('--seed <number>', 'roll the dice for weights and balancing; without it the first choice is shown')
    .option('--json', 'as JSON')
  withApiFlags(command).action(async (method: string, url: string, flags: ExplainFlags) => {
    const client = toApiClient(flags)
    const request = describeRequest(method, url, flags.header ?? [])
    const { workloads } = await client.call<Status>('GET', '/v1/status')
    const { name: from, identity } = findCaller(workloads, flags.from, flags.namespace)
    const material = await client.call<ExplainMaterial>('POST', '/v1/explain', { from, identity })
    const random = flags.seed === undefined ? () => 0 : seededRandom(seedOf(flags.seed))
    const explanation = explainRequest(request, material, random)
    console.log(flags.json === true ? JSON.stringify(explanation, undefined, 2) : renderExplanation(explanation))
  })
}

/** Header fields may hold commas: they are not split. */
const listOf = (text: string, previous: readonly string[] | undefined): string[] => [...(previous ?? []), text]

/** `orders-1` and, as Kubernetes calls them, `orders-7d9f8b6c5d-x2x9z` are replicas of `orders`; `orders-api` is another workload. */
const replicaOf = (workload: string, name: string): boolean =>
  workload.startsWith(`${name}-`) && /^(\d+|[a-f0-9]{8,10}-[a-z0-9]{5})$/.test(workload.slice(name.length + 1))

function seedOf(text: string): number {
  const seed = Number(text)
  if (Number.isSafeInteger(seed)) return seed
  throw new CliError(ExitCode.usage, `--seed "${text}" is not a whole number`)
}

/**
 * The workload that a person means by `web`, `shop/web`, `shop/web@account` or, where it has replicas, any of `shop/web-1`.
 * Where that means workloads of several identities, the caller's rights are not clear, and all of them are named.
 */
export function findCaller(known: readonly Caller[], from: string, namespace: string | undefined): Caller {
  const [who = '', account] = from.split('@')
  const [space, name = ''] = who.includes('/') ? who.split('/') : [namespace, who]
  const inScope = known.filter(
    (caller) =>
      (space === undefined || caller.name.startsWith(`${space}/`)) &&
      (account === undefined || accountOf(caller) === account),
  )
  const exact = inScope.filter((caller) => caller.name.endsWith(`/${name}`))
  const found = exact.length > 0 ? exact : inScope.filter((caller) => replicaOf(bareName(caller), name))
  const [first] = found
  if (first === undefined) {
    const names = [...new Set(known.map((caller) => caller.name))].sort()
    throw new CliError(
      ExitCode.failed,
      `--from ${from}: no such workload is connected; known: ${names.join(', ') || 'none'}`,
    )
  }
  if (found.every((caller) => caller.identity === first.identity)) return first
  const each = found.map((caller) => `${caller.name}@${accountOf(caller)}`).sort()
  throw new CliError(ExitCode.failed, `--from ${from}: several workloads are called so; say which: ${each.join(', ')}`)
}

const bareName = ({ name }: Caller): string => name.slice(name.indexOf('/') + 1)
const accountOf = ({ identity }: Caller): string => identity.slice(identity.lastIndexOf('/') + 1)
