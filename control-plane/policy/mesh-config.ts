import Type, { type Static } from 'typebox'
import { type CheckedMetadata, type KindDefinition, OUTRIGGER_API } from './kind-definition.ts'
import { fields, LabelName, notYet, oneOf, text } from './schema-parts.ts'
import type { ShapeProblem } from './shape-problems.ts'
import { checkTrafficSections, TRAFFIC_SECTIONS } from './traffic-sections.ts'

/** The only name that a MeshConfig can have. */
export const MESH_CONFIG_NAME = 'mesh'
/** Namespace whose policies concern the whole mesh, unless MeshConfig says another. */
export const ROOT_NAMESPACE = 'outrigger-system'

/** Settings of the mesh as a whole. */
export const MeshConfigSpec = fields({
  trustDomain: Type.Optional(text('^[a-z0-9._-]{1,255}$', 'a trust domain such as "mesh.local"', 255)),
  rootNamespace: Type.Optional(LabelName),
  tracing: Type.Optional(
    fields({
      endpoint: Type.Optional(
        text('^https?://[^\\s]+$', 'the base URL of an OTLP/HTTP endpoint, such as "http://127.0.0.1:4318"', 2048),
      ),
      samplingPercent: Type.Optional(
        Type.Number({
          minimum: 0,
          maximum: 100,
          description: 'Share of the traces that begin in the mesh that are sampled.',
        }),
      ),
    }),
  ),
  accessLog: Type.Optional(fields({ mode: oneOf(['Off', 'Errors', 'All']) })),
  traffic: Type.Optional(
    fields(TRAFFIC_SECTIONS, 'Defaults for every service; a TrafficPolicy overrides them field by field.'),
  ),
  outboundTrafficPolicy: notYet('a policy for destinations outside the mesh'),
})
export type MeshConfigSpec = Static<typeof MeshConfigSpec>

export const meshConfigKind = {
  kind: 'MeshConfig',
  apiVersion: OUTRIGGER_API,
  plural: 'meshconfigs',
  shortNames: [],
  scope: 'Cluster',
  description: 'Settings of the mesh as a whole. There is one, and its name is "mesh".',
  spec: MeshConfigSpec,
  columns: [],
  check,
} as const satisfies KindDefinition

function check(spec: MeshConfigSpec, { name }: CheckedMetadata): readonly ShapeProblem[] {
  const problems: ShapeProblem[] = [...checkTrafficSections(spec.traffic ?? {}, ['spec', 'traffic'])]
  if (name !== MESH_CONFIG_NAME) {
    problems.push({
      path: ['metadata', 'name'],
      problem: 'is not the name of the one MeshConfig',
      found: JSON.stringify(name),
      allowed: JSON.stringify(MESH_CONFIG_NAME),
    })
  }
  return problems
}
