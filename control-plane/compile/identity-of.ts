import type { Workload } from '../world/world.ts'

/** SPIFFE ID of a service account: `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`. */
export const identityOf = (
  trustDomain: string,
  { namespace, serviceAccount }: Pick<Workload, 'namespace' | 'serviceAccount'>,
) => `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`
