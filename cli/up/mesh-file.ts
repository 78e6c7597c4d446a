import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import Type, { type Static } from 'typebox'
import { parse as parseYaml } from 'yaml'
import { err, ok, type Result } from '../../certs/result.ts'
import { parserOf, toLine } from '../../sidecar/core/schema.ts'

/*
 * The file of `outrigger up`: services, their sidecars and a control plane on one machine, from one page. What
 * docker-compose is to containers.
 */

const closed = { additionalProperties: false } as const
const Name = Type.String({ pattern: '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$' })
const Port = Type.Integer({ minimum: 1, maximum: 65_535 })
const PortOrAny = Type.Integer({ minimum: 0, maximum: 65_535 })

/** One program with its sidecar. */
const WorkloadEntry = Type.Object(
  {
    name: Name,
    /** The program and its arguments; `node` means the pinned one. Absent: a sidecar alone, for a caller outside of the file. */
    command: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    env: Type.Optional(Type.Record(Type.String(), Type.String())),
    replicas: Type.Optional(Type.Integer({ minimum: 1, maximum: 20 })),
    /** Absent: the name of the first service that it serves; of a caller that serves none, its own name. */
    serviceAccount: Type.Optional(Name),
    /** Services that it is an instance of; the program is told its port in `PORT`. */
    serves: Type.Optional(Type.Array(Type.Object({ service: Name, port: Type.Optional(Port) }, closed))),
    /** Services that it calls; the program is told where in `NAME_URL`. `listen` fixes the port of the listener. */
    upstreams: Type.Optional(Type.Array(Type.Object({ service: Name, listen: Type.Optional(PortOrAny) }, closed))),
    labels: Type.Optional(Type.Record(Type.String(), Type.String())),
  },
  closed,
)
export type WorkloadEntry = Static<typeof WorkloadEntry>

const MeshFileSchema = Type.Object(
  {
    apiVersion: Type.Literal('outrigger.dev/v1alpha1'),
    kind: Type.Literal('LocalMesh'),
    metadata: Type.Object({ name: Name }, closed),
    spec: Type.Object(
      {
        namespace: Type.Optional(Name),
        trustDomain: Type.Optional(Type.String({ pattern: '^[a-z0-9._-]{1,255}$' })),
        /** Files with manifests that are applied at the start, relative to this file. */
        manifests: Type.Optional(Type.Array(Type.String())),
        workloads: Type.Array(WorkloadEntry, { minItems: 1, maxItems: 100 }),
      },
      closed,
    ),
  },
  closed,
)

/** A mesh file, read and with its defaults filled in. */
export interface MeshFile {
  readonly name: string
  readonly namespace: string
  readonly trustDomain: string
  /** Folder that relative paths and the programs' working directory start from. */
  readonly directory: string
  /** Absolute paths. */
  readonly manifests: readonly string[]
  readonly workloads: readonly WorkloadEntry[]
}

const parser = parserOf(MeshFileSchema)

/** Reads a mesh file. The error is a paragraph for a person. */
export function readMeshFile(path: string): Result<MeshFile, string> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    return err(
      `Cannot read the mesh file ${path}: ${(error as NodeJS.ErrnoException).code}. Name a file with -f, such as examples/shop/mesh.yaml`,
    )
  }
  return parseMeshFile(text, path)
}

/** As `readMeshFile`, from its text. */
export function parseMeshFile(text: string, path: string): Result<MeshFile, string> {
  let document: unknown
  try {
    document = parseYaml(text, { maxAliasCount: 50, uniqueKeys: true })
  } catch (error) {
    return err(`${path} is not valid YAML: ${(error as Error).message.split('\n')[0]}`)
  }
  const parsed = parser.parse(document)
  if (!parsed.ok)
    return err(`${path} is not a mesh file:\n${parsed.error.map((problem) => `  ${toLine(problem)}`).join('\n')}`)
  const { metadata, spec } = parsed.value
  const problem = findConflict(spec.workloads)
  if (problem !== undefined) return err(`${path}: ${problem}`)
  const directory = dirname(resolve(path))
  return ok({
    name: metadata.name,
    namespace: spec.namespace ?? 'default',
    trustDomain: spec.trustDomain ?? 'local.mesh',
    directory,
    manifests: (spec.manifests ?? []).map((file) => resolve(directory, file)),
    workloads: spec.workloads,
  })
}

function findConflict(workloads: readonly WorkloadEntry[]): string | undefined {
  const names = new Map<string, string>()
  const ports = new Map<number, string>()
  for (const [at, workload] of workloads.entries()) {
    const here = `spec.workloads[${at}]`
    for (const name of replicaNames(workload)) {
      const other = names.get(name)
      if (other !== undefined)
        return `${here}.name: a replica of ${other} is called "${name}" already; choose another name`
      names.set(name, `"${workload.name}"`)
    }
    if (workload.name === 'control-plane')
      return `${here}.name: "control-plane" is the control plane's; choose another name`
    if (workload.command === undefined && (workload.serves?.length ?? 0) > 0) {
      return `${here}: "${workload.name}" serves, but has no command that could; add one, or drop "serves"`
    }
    const services = new Set<string>()
    for (const [i, { service, listen = 0 }] of (workload.upstreams ?? []).entries()) {
      const field = `${here}.upstreams[${i}]`
      if (services.has(service)) return `${field}.service: "${service}" is there twice; name each service once`
      services.add(service)
      const other = ports.get(listen)
      if (other !== undefined)
        return `${field}.listen: port ${listen} is taken by ${other}; choose another, or 0 for any`
      if (listen > 0) ports.set(listen, field)
    }
  }
  return undefined
}

/** The service account of a workload: a service can be served by the account of its name without further ado. */
export const serviceAccountOf = ({ name, serviceAccount, serves = [] }: WorkloadEntry): string =>
  serviceAccount ?? serves[0]?.service ?? name

/** `web`, or `web-1`, `web-2` … where there are several. */
export function replicaNames({ name, replicas = 1 }: WorkloadEntry): readonly string[] {
  return replicas === 1 ? [name] : Array.from({ length: replicas }, (_, at) => `${name}-${at + 1}`)
}
