import Type from 'typebox'
import { err, ok, type Result } from '../../certs/result.ts'
import { isManifestKind, KINDS, type Manifest, type ManifestKind, type Metadata } from './manifest.ts'
import { fields, LabelName, Labels, ObjectName, text } from './schema-parts.ts'
import { didYouMean, type FieldPath, foundOf, orList, type ShapeProblem, shapeOf } from './shape-problems.ts'

/** What Kubernetes puts beside our fields is accepted and dropped: it says nothing about intent. */
const foreign = Type.Optional(Type.Unknown({ foreign: true }))
const ObjectMeta = (name: typeof ObjectName) =>
  fields({
    name,
    namespace: Type.Optional(LabelName),
    labels: Type.Optional(Labels),
    annotations: Type.Optional(Labels),
    creationTimestamp: Type.Optional(
      text(
        '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d+)?(Z|[+-]\\d{2}:\\d{2})$',
        'a time such as "2026-01-31T12:00:00Z" (RFC 3339)',
        40,
      ),
    ),
    generation: Type.Optional(Type.Integer({ minimum: 0 })),
    uid: foreign,
    resourceVersion: foreign,
    selfLink: foreign,
    ownerReferences: foreign,
    finalizers: foreign,
    managedFields: foreign,
    deletionTimestamp: foreign,
    deletionGracePeriodSeconds: foreign,
  })

const documentShape = (kind: ManifestKind) =>
  shapeOf(
    fields({
      apiVersion: Type.String(),
      kind: Type.String(),
      metadata: ObjectMeta(kind === 'Service' ? LabelName : ObjectName),
      spec: KINDS[kind].spec,
      status: foreign,
    }),
  )
const SHAPES = Object.fromEntries(
  (Object.keys(KINDS) as ManifestKind[]).map((kind) => [kind, documentShape(kind)]),
) as Record<ManifestKind, ReturnType<typeof documentShape>>

/**
 * A manifest from a value that was read from YAML, JSON or the registry, or everything that is wrong with it.
 * `defaultNamespace` holds where the manifest names none.
 */
export function checkManifest(value: unknown, defaultNamespace = 'default'): Result<Manifest, readonly ShapeProblem[]> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return err([
      {
        path: [],
        problem: 'is not a manifest',
        ...foundOf(value),
        allowed: 'a mapping with apiVersion, kind, metadata and spec',
      },
    ])
  }
  const kind = findKind(value as Record<string, unknown>)
  if (!kind.ok) return kind
  const shape = SHAPES[kind.value](value)
  if (!shape.ok) return shape
  // The shape has been checked against the kind's own schema; the types are derived from the same.
  const checked = shape.value as { apiVersion: string; metadata: Metadata & { namespace?: string }; spec: unknown }
  const definition = KINDS[kind.value]
  const problems = [...definition.check(checked.spec as never, checked.metadata)]
  if (definition.scope === 'Cluster' && checked.metadata.namespace !== undefined) {
    problems.push({
      path: ['metadata', 'namespace'],
      problem: `does not belong to ${kind.value}, which concerns the whole mesh`,
      found: JSON.stringify(checked.metadata.namespace),
    })
  }
  if (problems.length > 0) return err(problems)
  const namespace = definition.scope === 'Cluster' ? '' : (checked.metadata.namespace ?? defaultNamespace)
  return ok({
    apiVersion: definition.apiVersion,
    kind: kind.value,
    metadata: ownMetadata(checked.metadata, namespace),
    spec: checked.spec,
  } as Manifest)
}

function findKind(value: Record<string, unknown>): Result<ManifestKind, readonly ShapeProblem[]> {
  const kinds = Object.keys(KINDS)
  const { kind, apiVersion } = value
  if (!Object.hasOwn(value, 'kind')) return problemAt(['kind'], 'is missing', undefined, orList(kinds))
  if (typeof kind !== 'string' || !isManifestKind(kind)) {
    const hint = typeof kind === 'string' ? didYouMean(kind, kinds) : ''
    return problemAt(['kind'], `is not a known kind${hint}`, kind, orList(kinds))
  }
  const wanted = KINDS[kind].apiVersion
  if (!Object.hasOwn(value, 'apiVersion'))
    return problemAt(['apiVersion'], 'is missing', undefined, JSON.stringify(wanted))
  if (apiVersion !== wanted) {
    return problemAt(['apiVersion'], `is not the version of ${kind}`, apiVersion, JSON.stringify(wanted))
  }
  return ok(kind)
}

const problemAt = (path: FieldPath, problem: string, found: unknown, allowed: string) =>
  err([{ path, problem, ...(found === undefined ? {} : foundOf(found)), allowed }])

function ownMetadata(from: Metadata, namespace: string): Metadata {
  return {
    name: from.name,
    namespace,
    ...(from.labels === undefined ? {} : { labels: from.labels }),
    ...(from.annotations === undefined ? {} : { annotations: from.annotations }),
    ...(from.creationTimestamp === undefined ? {} : { creationTimestamp: from.creationTimestamp }),
    ...(from.generation === undefined ? {} : { generation: from.generation }),
  }
}
