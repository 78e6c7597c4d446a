import assert from 'node:assert/strict'
import { formatProblem } from '../../control-plane/policy/format-problem.ts'
import type { Manifest } from '../../control-plane/policy/manifest.ts'
import { parseManifests } from '../../control-plane/policy/parse-manifests.ts'
import type { Instance } from '../../control-plane/registry/registry.ts'
import { buildWorld, type WorldSources } from '../../control-plane/world/build-world.ts'
import { toInstance } from '../../control-plane/world/to-instance.ts'
import { type WorkloadRef, workloadRef } from '../../control-plane/world/workload-ref.ts'
import type { World } from '../../control-plane/world/world.ts'

/** An instance as test cases write it. */
export interface ShortInstance {
  /** `namespace/name`. */
  readonly workload: string
  readonly service: string
  readonly port?: number
  readonly appPort?: number
  /** The service's when absent. */
  readonly account?: string
  readonly address?: string
  readonly labels?: Readonly<Record<string, string>>
}

/** The registry's instance for a short one: trust domain `mesh.local`, mesh port 15008. */
export function instance(short: ShortInstance): Instance {
  const {
    workload,
    service,
    port = 80,
    appPort = 8080,
    account = service.split('/')[1],
    address = '127.0.0.1',
    labels = {},
  } = short
  const identity = `spiffe://mesh.local/ns/${workload.split('/')[0]}/sa/${account}`
  const registration = { service, port, appPort, protocol: 'auto', address, meshPort: 15_008, labels } as const
  const made = toInstance(workload, identity, registration)
  assert(made.ok)
  return made.value
}

/** A workload of a world by its name; one that is not registered has the account of its own name. */
export function refIn(world: World, name: string): WorkloadRef {
  const [namespace, account] = name.split('/')
  const known = [...world.workloads.values()].find((one) => `${one.namespace}/${one.name}` === name)
  return workloadRef(known?.identity ?? `spiffe://mesh.local/ns/${namespace}/sa/${account}`, name)
}

/** The manifests of a text that must be right. */
export function manifests(text: string, namespace = 'shop'): readonly Manifest[] {
  const parsed = parseManifests(text, 'test.yaml', namespace)
  assert(parsed.ok, parsed.ok ? '' : parsed.error.map(formatProblem).join('\n'))
  return parsed.value
}

/** A world of manifests and instances, of trust domain `mesh.local`. */
export const meshWorld = (
  manifestList: readonly Manifest[],
  instances: readonly Instance[] = [],
  change: Partial<WorldSources> = {},
): World =>
  buildWorld({
    generation: 1,
    manifests: manifestList,
    instances,
    trust: { trustDomain: 'mesh.local', rootsPem: ['root'], sequence: 1 },
    ...change,
  })
