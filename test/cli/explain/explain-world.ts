import { describeRequest } from '../../../cli/explain/described-request.ts'
import {
  type ExplainMaterial,
  type Explanation,
  explainRequest,
  type PushedResources,
} from '../../../cli/explain/explain-request.ts'
import type { Resource } from '../../../sidecar/config/resources.ts'
import { authorization, endpoint, service, workload } from '../../support/resources.ts'
import { snapshot } from '../../support/worlds.ts'

export const WEB = 'spiffe://mesh.local/ns/shop/sa/web'
const ORDERS = 'spiffe://mesh.local/ns/shop/sa/orders'

function pushed(workload: string, identity: string, resources: readonly Resource[]): PushedResources {
  snapshot(...resources) // a resource that is refused would make a test hold of nothing
  return { workload, identity, resources: resources.map((resource, i) => ({ version: String(i), resource })) }
}

/** Where `orders` is reached over the mesh, and the port of its application behind that. */
export const reachedAt = (appPort: number): Resource => ({
  kind: 'Endpoints',
  name: 'shop/orders',
  endpoints: [
    endpoint('orders-1', { workload: 'shop/orders-1', transport: 'mesh', port: 15_008, appPort, identity: ORDERS }),
  ],
})

/** What the control plane tells of a call from `web` to `orders`, whose only workload `orders-1` lets everybody in. */
export function material(
  outbound: readonly Resource[] = [service()],
  callee: readonly Resource[] = [{ ...authorization([]), name: 'shop/orders-1' }],
): ExplainMaterial {
  return {
    generation: 7,
    caller: pushed('shop/web', WEB, [
      workload({ name: 'shop/web', identity: WEB, serves: [] }),
      reachedAt(8_080),
      ...outbound,
    ]),
    callees: [pushed('shop/orders-1', ORDERS, [workload({ name: 'shop/orders-1' }), ...callee])],
  }
}

/** How a request is explained. */
export const explain = (
  url: string,
  from: ExplainMaterial = material(),
  headers: readonly string[] = [],
  random: () => number = () => 0,
): Explanation => explainRequest(describeRequest('GET', url, headers), from, random)
