import type { Command } from 'commander'
import { stringify } from 'yaml'
import { type ApiFlags, toApiClient, withApiFlags } from '../api-flags.ts'
import { CliError, ExitCode } from '../exit-code.ts'
import { toKind } from '../kind-names.ts'
import { toTable } from '../table.ts'

interface GetFlags extends ApiFlags {
  readonly namespace?: string
  readonly output: 'table' | 'yaml' | 'json'
}

interface Listed {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace: string; readonly creationTimestamp?: string }
  readonly status: {
    readonly conditions: readonly { readonly type: string; readonly status: string; readonly message: string }[]
  }
}

interface Status {
  readonly services: readonly {
    readonly name: string
    readonly ports: readonly { readonly port: number }[]
    readonly endpoints: readonly { readonly id: string; readonly address: string; readonly port: number }[]
  }[]
  readonly workloads: readonly {
    readonly name: string
    readonly identity: string
    readonly ready: boolean
    readonly serves: readonly string[]
  }[]
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
    .option('-o, --output <format>', 'table, yaml or json', 'table')
  withApiFlags(command).action(async (what: string, name: string | undefined, flags: GetFlags) => {
    const client = toApiClient(flags)
    if (['services', 'endpoints', 'workloads'].includes(what)) {
      const status = await client.call<Status>('GET', '/v1/status')
      return console.log(flags.output === 'json' ? JSON.stringify(status, undefined, 2) : statusTable(what, status))
    }
    const query = new URLSearchParams()
    if (what !== 'all') query.set('kind', toKind(what))
    if (flags.namespace !== undefined) query.set('namespace', flags.namespace)
    const { items } = await client.call<{ items: readonly Listed[] }>('GET', `/v1/manifests?${query}`)
    const wanted = items.filter((item) => name === undefined || item.metadata.name === name)
    if (name !== undefined && wanted.length === 0)
      throw new CliError(ExitCode.failed, `there is no ${what} called ${name}`)
    console.log(render(wanted, flags.output))
  })
}

function render(items: readonly Listed[], output: GetFlags['output']): string {
  if (output === 'json') return JSON.stringify(items, undefined, 2)
  if (output === 'yaml') return items.map((item) => stringify(item)).join('---\n')
  if (items.length === 0) return 'nothing found'
  const rows = items.map(({ kind, metadata, status }) => {
    const bad = status.conditions.find((condition) => condition.status === 'False')
    return [
      kind,
      metadata.namespace === '' ? '-' : metadata.namespace,
      metadata.name,
      bad === undefined ? 'ok' : `${bad.type}: ${bad.message}`,
    ]
  })
  return toTable(['KIND', 'NAMESPACE', 'NAME', 'STATUS'], rows)
}

function statusTable(what: string, { services, workloads }: Status): string {
  if (what === 'workloads') {
    return toTable(
      ['WORKLOAD', 'IDENTITY', 'READY', 'SERVES'],
      workloads.map(({ name, identity, ready, serves }) => [
        name,
        identity,
        ready ? 'yes' : 'no',
        serves.join(' ') || '-',
      ]),
    )
  }
  if (what === 'services') {
    return toTable(
      ['SERVICE', 'PORTS', 'ENDPOINTS'],
      services.map(({ name, ports, endpoints }) => [
        name,
        ports.map(({ port }) => port).join(','),
        String(endpoints.length),
      ]),
    )
  }
  return toTable(
    ['SERVICE', 'ENDPOINT', 'ADDRESS'],
    services.flatMap(({ name, endpoints }) =>
      endpoints.map(({ id, address, port }) => [name, id, `${address}:${port}`]),
    ),
  )
}
