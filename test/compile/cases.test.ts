import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import test from 'ava'
import { parse } from 'yaml'
import { compileView } from '../../control-plane/compile/compile-view.ts'
import { versionOf } from '../../control-plane/compile/version-of.ts'
import type { Instance } from '../../control-plane/registry/registry.ts'
import type { World } from '../../control-plane/world/world.ts'
import { parseResource } from '../../sidecar/config/parse-resource.ts'
import type { Resource, ResourceKind, RouteRule } from '../../sidecar/config/resources.ts'
import { toLine } from '../../sidecar/core/schema.ts'
import { instance, manifests, meshWorld, refIn, type ShortInstance } from '../support/mesh-world.ts'

/** A file of `cases/`: a world, and what sidecars are told of it. */
interface Case {
  readonly says: string
  /** Names in `manifests/policies/`. Of two manifests with one key the later holds. */
  readonly files?: readonly string[]
  /** YAML text. */
  readonly manifests?: string
  readonly instances?: readonly ShortInstance[]
  readonly foreign?: readonly Pick<Instance, 'id' | 'service' | 'address' | 'port'>[]
  readonly expect: readonly {
    /** `Service shop/orders`. */
    readonly ask: string
    /** Workload that asks. */
    readonly for: string
    /** The whole resource. */
    readonly is?: Resource
    /** Some of its fields, each as a whole. */
    readonly has?: Partial<Resource>
    /** The routes, a line each. */
    readonly order?: readonly string[]
    readonly absent?: boolean
  }[]
}

const CASES = new URL('cases/', import.meta.url)
const EXAMPLES = new URL('../../manifests/policies/', import.meta.url)

for (const file of readdirSync(CASES)) {
  const each = parse(readFileSync(new URL(file, CASES), 'utf8')) as Case
  test(`${file}: ${each.says}`, () => {
    const world = worldOf(each)
    const view = compileView(world)
    for (const expected of each.expect) {
      const [kind, name = ''] = expected.ask.split(' ')
      const compiled = view.find(refIn(world, expected.for), kind as ResourceKind, name)
      if (expected.absent === true) assert.equal(compiled, undefined, expected.ask)
      else {
        assert(compiled !== undefined, `${expected.ask} exists`)
        assert.equal(compiled.version, versionOf(compiled.resource))
        checkResource(compiled.resource, expected)
      }
    }
  })
}

function worldOf({ files = [], manifests: text, instances = [], foreign = [] }: Case): World {
  const all = [...files.map((file) => readFileSync(new URL(file, EXAMPLES), 'utf8')), text ?? ''].flatMap((one) =>
    manifests(one),
  )
  const registered = foreign.map((one) => ({ ...one, meta: {}, tags: [] }))
  return meshWorld(all, [...instances.map(instance), ...registered])
}

function checkResource(resource: Resource, { is, has, order }: Case['expect'][number]): void {
  const parsed = parseResource(resource)
  assert(parsed.ok, parsed.ok ? '' : `the sidecar refuses it: ${parsed.error.map(toLine).join('; ')}`)
  if (is !== undefined) assert.deepEqual(resource, is)
  for (const [field, value] of Object.entries(has ?? {})) {
    assert.deepEqual((resource as Record<string, unknown>)[field], value, field)
  }
  if (order !== undefined) assert.deepEqual(resource.kind === 'Service' ? resource.routes.map(toText) : [], order)
}

const toText = ({ origin, rule, match }: RouteRule): string =>
  [
    origin.name,
    rule,
    ...(match.path === undefined ? [] : [match.path.type, match.path.value]),
    ...(match.method === undefined ? [] : [match.method]),
    ...match.headers.map(({ name }) => name),
    ...match.query.map(({ name }) => name),
  ].join(' ')
