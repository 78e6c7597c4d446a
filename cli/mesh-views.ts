import { stringify } from 'yaml'
import { toTable } from './table.ts'

/** `GET /v1/status`, as far as it is shown. */
export interface MeshStatus {
  readonly services: readonly {
    readonly name: string
    readonly ports: readonly { readonly port: number }[]
    /** False: the registry has too many services, and nothing is known of this one's instances. */
    readonly watched?: boolean
    readonly endpoints: readonly { readonly id: string; readonly address: string; readonly port: number }[]
  }[]
  readonly workloads: readonly {
    readonly name: string
    readonly identity: string
    readonly ready: boolean
    readonly serves: readonly string[]
  }[]
}

/** One object of a view: its `namespace/name`, what is printed as JSON or YAML, and its cells. */
interface Row {
  readonly name: string
  readonly value: object
  readonly cells: readonly string[]
}

interface View {
  readonly columns: readonly string[]
  rows(status: MeshStatus): readonly Row[]
}

/** What the mesh sees, beside what it was told. */
const VIEWS = {
  services: {
    columns: ['SERVICE', 'PORTS', 'ENDPOINTS'],
    rows: ({ services }) =>
      services.map((value) => {
        const { name, ports, endpoints, watched } = value
        const count = watched === false ? 'not watched' : String(endpoints.length)
        return { name, value, cells: [name, ports.map(({ port }) => port).join(','), count] }
      }),
  },
  endpoints: {
    columns: ['SERVICE', 'ENDPOINT', 'ADDRESS'],
    rows: ({ services }) =>
      services.flatMap(({ name, endpoints }) =>
        endpoints.map((endpoint) => ({
          name,
          value: { service: name, ...endpoint },
          cells: [name, endpoint.id, `${endpoint.address}:${endpoint.port}`],
        })),
      ),
  },
  workloads: {
    columns: ['WORKLOAD', 'IDENTITY', 'READY', 'SERVES'],
    rows: ({ workloads }) =>
      workloads.map((value) => {
        const { name, identity, ready, serves } = value
        return { name, value, cells: [name, identity, ready ? 'yes' : 'no', serves.join(' ') || '-'] }
      }),
  },
} as const satisfies Record<string, View>

type ViewName = keyof typeof VIEWS

export const isView = (what: string): what is ViewName => Object.hasOwn(VIEWS, what)

/** The rows of a view: of one namespace, and of one name (`orders` or `shop/orders`), where these are given. */
export const viewOf = (
  view: ViewName,
  status: MeshStatus,
  namespace: string | undefined,
  name: string | undefined,
): readonly Row[] =>
  VIEWS[view].rows(status).filter((row) => {
    const isInNamespace = namespace === undefined || row.name.startsWith(`${namespace}/`)
    return isInNamespace && (name === undefined || row.name === name || row.name.endsWith(`/${name}`))
  })

/** Text for the terminal, or for a program. */
export function renderView(view: ViewName, rows: readonly Row[], output: 'table' | 'yaml' | 'json'): string {
  const values = rows.map(({ value }) => value)
  if (output === 'json') return JSON.stringify(values, undefined, 2)
  if (output === 'yaml') return stringify(values).trimEnd()
  const cells = rows.map((row) => row.cells)
  return toTable(VIEWS[view].columns, cells)
}
