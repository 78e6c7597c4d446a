import { err, ok, type Result } from '../../certs/result.ts'
import { type ParentStatus, routeStatus } from '../compile/route-status.ts'
import { validateWorld, type WorldProblem } from '../compile/validate-world.ts'
import { isManifestKind, KINDS, type Manifest, type ManifestRef, manifestKey, refOf } from '../policy/manifest.ts'
import type { AckTracker } from '../push/ack-tracker.ts'
import type { RegistryError } from '../registry/registry.ts'
import type { World } from '../world/world.ts'
import { type ApiReply, failure, reply } from './api-reply.ts'
import type { ApiRequest, ApiRoute } from './api-server.ts'
import { type Condition, conditionsOf } from './conditions-of.ts'
import { type ApplyError, MAX_STORED_BYTES, type ManifestChange, type ManifestStore } from './manifest-store.ts'
import { readDocuments, refusalFor } from './read-documents.ts'

export interface ManifestRouteDeps {
  readonly store: ManifestStore
  readonly acks: AckTracker
  readonly world: () => World
  /** The world as it would be with these manifests and everything else as it is. */
  readonly hypothetical: (manifests: readonly Manifest[]) => World
}

/** A manifest with what has become of it; `parents` for routes, as Gateway API has it. */
type StoredManifest = Manifest & {
  readonly status: { readonly conditions: readonly Condition[]; readonly parents?: readonly ParentStatus[] }
}

/** Reading, checking, applying and deleting manifests. Whatever is refused, nothing of the request was done. */
export function manifestRoutes(deps: ManifestRouteDeps): readonly ApiRoute[] {
  const one = (method: 'GET' | 'DELETE', answer: (ref: ManifestRef) => Promise<ApiReply>): readonly ApiRoute[] =>
    ['/v1/manifests/:kind/:namespace/:name', '/v1/manifests/:kind/:name'].map((pattern) => ({
      method,
      pattern,
      answer: (request) => {
        const ref = toRef(request)
        return ref.ok ? answer(ref.value) : ref.error
      },
    }))
  return [
    { method: 'GET', pattern: '/v1/manifests', answer: (request) => list(deps, request) },
    { method: 'PUT', pattern: '/v1/manifests', answer: (request) => apply(deps, request) },
    { method: 'DELETE', pattern: '/v1/manifests', answer: (request) => deleteAll(deps, request) },
    { method: 'POST', pattern: '/v1/validate', answer: (request) => validate(deps, request) },
    ...one('GET', (ref) => read(deps, ref)),
    ...one('DELETE', (ref) => remove(deps, [ref])),
  ]
}

async function list(deps: ManifestRouteDeps, { query }: ApiRequest): Promise<ApiReply> {
  const records = await deps.store.list()
  if (!records.ok) return registryFailure(records.error)
  const [kind, namespace] = [query.get('kind'), query.get('namespace')]
  const items = [...records.value.manifests.values()]
    .filter((manifest) => kind === null || manifest.kind === kind)
    .filter((manifest) => namespace === null || manifest.metadata.namespace === namespace)
    .map((manifest) => withStatus(deps, manifest))
  return reply({ revision: records.value.revision.revision, items })
}

async function read(deps: ManifestRouteDeps, ref: ManifestRef): Promise<ApiReply> {
  const records = await deps.store.list()
  if (!records.ok) return registryFailure(records.error)
  const manifest = records.value.manifests.get(manifestKey(ref))
  return manifest === undefined ? notFound(ref) : reply(withStatus(deps, manifest))
}

async function apply(deps: ManifestRouteDeps, request: ApiRequest): Promise<ApiReply> {
  const manifests = readDocuments(request)
  if (!manifests.ok) return manifests.error
  let warnings: readonly WorldProblem[] = []
  const done = await deps.store.apply((current) => {
    const decided = decide(deps, manifests.value, current)
    if (decided.ok) warnings = decided.value.warnings
    return decided
  })
  return done.ok ? reply({ results: done.value, warnings }) : applyFailure(done.error)
}

async function validate(deps: ManifestRouteDeps, request: ApiRequest): Promise<ApiReply> {
  const manifests = readDocuments(request)
  if (!manifests.ok) return manifests.error
  const records = await deps.store.list()
  if (!records.ok) return registryFailure(records.error)
  const decided = decide(deps, manifests.value, records.value.manifests)
  if (!decided.ok) return decided.error
  return reply({ valid: true, count: manifests.value.length, warnings: decided.value.warnings })
}

async function deleteAll(deps: ManifestRouteDeps, request: ApiRequest): Promise<ApiReply> {
  const manifests = readDocuments(request)
  return manifests.ok ? remove(deps, manifests.value.map(refOf)) : manifests.error
}

async function remove(deps: ManifestRouteDeps, refs: readonly ManifestRef[]): Promise<ApiReply> {
  const done = await deps.store.apply<ApiReply>(() => ok({ put: [], delete: refs }))
  if (!done.ok) return applyFailure(done.error)
  const [only] = done.value
  return refs.length === 1 && only?.change === 'not-found' ? notFound(only) : reply({ results: done.value })
}

/** All is checked against what is stored now, so that what was checked is what will count. */
function decide(
  deps: ManifestRouteDeps,
  manifests: readonly Manifest[],
  current: ReadonlyMap<string, Manifest>,
): Result<ManifestChange & { readonly warnings: readonly WorldProblem[] }, ApiReply> {
  const all = new Map(current)
  for (const manifest of manifests) {
    const bytes = Buffer.byteLength(JSON.stringify(manifest))
    if (bytes > MAX_STORED_BYTES) {
      const where = manifestKey(refOf(manifest))
      return err(
        failure(422, { what: `the manifest has ${bytes} bytes`, where, allowed: `at most ${MAX_STORED_BYTES} bytes` }),
      )
    }
    all.set(manifestKey(refOf(manifest)), manifest)
  }
  const world = deps.hypothetical([...all.values()])
  const problems = validateWorld(world, new Set(manifests.map((manifest) => manifestKey(refOf(manifest)))))
  const errors = problems.filter(({ severity }) => severity === 'error')
  return errors.length > 0 ? err(refusalFor(problems)) : ok({ put: manifests, delete: [], warnings: problems })
}

const withStatus = ({ acks, world }: ManifestRouteDeps, manifest: Manifest): StoredManifest => ({
  ...manifest,
  status: {
    conditions: conditionsOf(manifest, acks.refusals()),
    ...(manifest.kind === 'HTTPRoute' ? { parents: routeStatus(world(), manifest) } : {}),
  },
})

function toRef({ params }: ApiRequest): Result<ManifestRef, ApiReply> {
  const { kind = '', namespace = '', name = '' } = params
  if (isManifestKind(kind)) return ok({ kind, namespace, name })
  return err(
    failure(404, {
      what: `"${kind}" is not a kind of manifest`,
      where: 'path',
      allowed: Object.keys(KINDS).join(', '),
    }),
  )
}

const notFound = ({ kind, namespace, name }: ManifestRef): ApiReply =>
  failure(404, {
    what: `there is no ${kind} "${name}"${namespace === '' ? '' : ` in namespace "${namespace}"`}`,
    where: 'path',
    allowed: `what "outrigger get ${kind.toLowerCase()}" lists (GET /v1/manifests)`,
  })

/** The registry's trouble as an answer: 503 may be tried again. */
export const registryFailure = (error: RegistryError): ApiReply =>
  failure(error.kind === 'unavailable' ? 503 : 500, {
    what: `the registry refused (${error.kind}): ${error.detail}`,
    where: 'registry',
    allowed: error.kind === 'unavailable' ? 'try again when it is back' : 'see the detail',
  })

function applyFailure(error: ApplyError<ApiReply>): ApiReply {
  if (error.kind === 'refused') return error.reason
  if (error.kind === 'registry') return registryFailure(error.error)
  return failure(409, { what: 'others apply manifests at the same time', where: 'registry', allowed: 'try again' })
}
