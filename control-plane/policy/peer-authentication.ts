import Type, { type Static } from 'typebox'
import { type KindDefinition, OUTRIGGER_API } from './kind-definition.ts'
import { fields, notYet, oneOf, Selector } from './schema-parts.ts'
import type { ShapeProblem } from './shape-problems.ts'

/** Server side: whether traffic without mutual TLS is served (field names are Istio's). */
export const PeerAuthenticationSpec = fields({
  selector: Type.Optional(Selector),
  mtls: fields({
    mode: oneOf(['STRICT', 'PERMISSIVE'], {
      notYetValues: { DISABLE: 'workloads that take no mutual TLS; PERMISSIVE takes both' },
    }),
  }),
  portLevelMtls: notYet('modes for single ports'),
})
export type PeerAuthenticationSpec = Static<typeof PeerAuthenticationSpec>

export const peerAuthenticationKind = {
  kind: 'PeerAuthentication',
  apiVersion: OUTRIGGER_API,
  plural: 'peerauthentications',
  shortNames: ['pa'],
  scope: 'Namespaced',
  description:
    'Whether traffic without mutual TLS is served: for the mesh (in the root namespace), a namespace, or the workloads of a selector.',
  spec: PeerAuthenticationSpec,
  columns: [{ name: 'Mode', jsonPath: '.spec.mtls.mode' }],
  check: (): readonly ShapeProblem[] => [],
} as const satisfies KindDefinition
