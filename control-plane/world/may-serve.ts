import { SERVICE_ACCOUNTS, serviceAccountsOf } from '../policy/service-accounts.ts'
import type { World } from './world.ts'

/** What the judgement needs of a world. */
interface Judged {
  readonly trust: Pick<World['trust'], 'trustDomain'>
  readonly manifests: World['manifests']
}

/**
 * Why `identity` may not register instances of a service (`namespace/name`), as a sentence with the remedies; undefined
 * when it may. Traffic goes wherever a service is registered: without this rule any workload of a namespace could take
 * the traffic of any other (docs/decisions/0018-who-may-serve-a-service.md).
 */
export function whyNotServe({ trust, manifests }: Judged, identity: string, service: string): string | undefined {
  const [namespace = '', name = ''] = service.split('/')
  const annotations = manifests.get(`Service/${service}`)?.metadata.annotations
  const accounts = serviceAccountsOf(name, annotations)
  const prefix = `spiffe://${trust.trustDomain}/ns/${namespace}/sa/`
  const account = identity.startsWith(prefix) ? identity.slice(prefix.length) : undefined
  if (account === undefined) return `${identity} is not a service account of namespace "${namespace}" of this mesh`
  if (accounts.includes(account)) return undefined
  const named = accounts.map((one) => `"${one}"`).join(', ')
  const listed = [...accounts, account].join(', ')
  return (
    `service account "${account}" may not serve ${service}, only ${named} may: run the workload as one of these ` +
    `(serviceAccount in a mesh file, --service-account of a sidecar), or list it in the manifest of Service ${service}: ${SERVICE_ACCOUNTS}: "${listed}"`
  )
}
