import Type, { type Static } from 'typebox'
import type { CheckedMetadata, KindDefinition } from './kind-definition.ts'
import { fields, LabelName, list, notYet, oneOf, Port, text } from './schema-parts.ts'
import { checkServiceAccounts } from './service-accounts.ts'
import type { ShapeProblem } from './shape-problems.ts'

const ServicePort = fields({
  name: Type.Optional(LabelName),
  port: Port,
  /** The application's port; the service's own when absent. */
  targetPort: Type.Optional(Port),
  protocol: Type.Optional(oneOf(['TCP'], { notYetValues: { UDP: 'UDP ports', SCTP: 'SCTP ports' } })),
  appProtocol: Type.Optional(
    oneOf([
      'http',
      'http2',
      'grpc',
      'tcp',
      'https',
      'tls',
      'kubernetes.io/h2c',
      'kubernetes.io/ws',
      'kubernetes.io/wss',
    ]),
  ),
  nodePort: notYet('node ports'),
})

/** Kubernetes' own Service (core/v1), the part that a mesh without Kubernetes can mean. */
export const ServiceSpec = fields({
  ports: list(ServicePort, 64, 1),
  type: Type.Optional(
    oneOf(['ClusterIP'], {
      notYetValues: {
        ExternalName: 'ExternalName services',
        NodePort: 'NodePort services',
        LoadBalancer: 'LoadBalancer services',
      },
    }),
  ),
  clusterIP: Type.Optional(text('^[0-9a-fA-F.:]{2,45}$', 'an IP address', 45)),
  selector: notYet('selectors of services; instances join a service by registering for it'),
})
export type ServiceSpec = Static<typeof ServiceSpec>

export const serviceKind = {
  kind: 'Service',
  apiVersion: 'v1',
  plural: 'services',
  shortNames: ['svc'],
  scope: 'Namespaced',
  description: 'A name that callers use, with its ports.',
  spec: ServiceSpec,
  columns: [],
  check,
} as const satisfies KindDefinition

function check(spec: ServiceSpec, { annotations }: CheckedMetadata): readonly ShapeProblem[] {
  const problems: ShapeProblem[] = [...checkServiceAccounts(annotations)]
  for (const [i, { name, port }] of spec.ports.entries()) {
    const path = ['spec', 'ports', i]
    if (spec.ports.findIndex((other) => other.port === port) < i) {
      problems.push({ path: [...path, 'port'], problem: 'appears twice', found: String(port) })
    }
    if (name !== undefined && spec.ports.findIndex((other) => other.name === name) < i) {
      problems.push({ path: [...path, 'name'], problem: 'appears twice', found: JSON.stringify(name) })
    }
    if (name === undefined && spec.ports.length > 1) {
      problems.push({ path: [...path, 'name'], problem: 'is missing', allowed: 'a name for each port of several' })
    }
  }
  return problems
}
