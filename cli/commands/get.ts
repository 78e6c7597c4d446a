import type { Command } from 'commander'
import { stringify } from 'yaml'
import { type ApiFlags, toApiClient, withApiFlags } from '../api-flags.ts'
import { CliError, ExitCode } from '../exit-code.ts'
import { flag } from '../flags.ts'
import { toKind } from '../kind-names.ts'
import { isView, type MeshStatus, renderView, viewOf } from '../mesh-views.ts'
import { toTable } from '../table.ts'

interface GetFlags extends ApiFlags {
  readonly namespace?: string
  readonly output: 'table' | 'yaml' | 'json'
}

interface Condition {
  readonly type: string
  readonly status: string
  readonly message: string
}

interface Listed {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly creationTimestamp?: string }
  readonly status: {
    readonly conditions: readonly Condition[]
    /** How a route stands with each of its parents. */
    readonly parents?: readonly { readonly conditions: readonly Condition[] }[]
  }
}

/** `outrigger get`: manifests of a kind, or `services`, `endpoints` and `workloads` as the mesh sees them. */
export function addGetCommand(program: Command): void {
  const command = program
    .command('get')
    .summary('list manifests, services, endpoints or workloads')
    .description(
      'Lists manifests of a kind with their status, or services, endpoints and workloads as the mesh sees them.',
    )
    .argument('<what>', 'a kind such as httproute; all; services, endpoints or workloads')
    .argument('[name]', 'only this one')
    .option('-n, --namespace <name>', 'only of this namespace')
    .addOption(flag('-o, --output <format>', 'table, yaml or json').choices(['table', 'yaml', 'json']).default('table'))
  withApiFlags(command).action(async (what: string, name: string | undefined, flags: GetFlags) => {
    const client = toApiClient(flags)
    if (isView(what)) {
      const rows = viewOf(what, await client.call<MeshStatus>('GET', '/v1/status'), flags.namespace, name)
      if (name !== undefined && rows.length === 0) throw notFound(what, name)
      return console.log(renderView(what, rows, flags.output))
    }
    const query = new URLSearchParams()
    if (what !== 'all') query.set('kind', toKind(what))
    if (flags.namespace !== undefined) query.set('namespace', flags.namespace)
    const { items } = await client.call<{ items: readonly Listed[] }>('GET', `/v1/manifests?${query}`)
    const wanted = items.filter((item) => name === undefined || item.metadata.name === name)
    if (name !== undefined && wanted.length === 0) throw notFound(what, name)
    console.log(render(wanted.map(withoutEmptyNamespace), flags.output))
  })
}

const notFound = (what: string, name: string): CliError =>
  new CliError(ExitCode.failed, `there is no ${what} called ${name}`)

/** Kinds of the whole mesh have no namespace: what is printed can be applied again. */
function withoutEmptyNamespace({ metadata, ...item }: Listed): Listed {
  const { namespace, ...rest } = metadata
  return { ...item, metadata: namespace === '' ? rest : metadata }
}

function render(items: readonly Listed[], output: GetFlags['output']): string {
  if (output === 'json') return JSON.stringify(items, undefined, 2)
  if (output === 'yaml') return items.map((item) => stringify(item)).join('---\n')
  if (items.length === 0) return 'nothing found'
  const rows = items.map(({ kind, metadata, status }) => {
    const all = [...status.conditions, ...(status.parents ?? []).flatMap(({ conditions }) => conditions)]
    const bad = all.find((condition) => condition.status === 'False')
    return [kind, metadata.namespace ?? '-', metadata.name, bad === undefined ? 'ok' : `${bad.type}: ${bad.message}`]
  })
  return toTable(['KIND', 'NAMESPACE', 'NAME', 'STATUS'], rows)
}
