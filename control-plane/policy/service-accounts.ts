import { DNS_SUBDOMAIN_PATTERN } from './schema-parts.ts'
import type { FieldPath, ShapeProblem } from './shape-problems.ts'

/** On a Service: the service accounts of its namespace that may serve it, `"orders, orders-canary"`. */
export const SERVICE_ACCOUNTS = 'outrigger.dev/service-accounts'

type Annotations = Readonly<Record<string, string>> | undefined

const MAX_ACCOUNTS = 64
const ACCOUNT = new RegExp(DNS_SUBDOMAIN_PATTERN)

/**
 * The service accounts that may serve the service `name`: those that its manifest lists; where it lists none, the account
 * that has the service's own name.
 */
export const serviceAccountsOf = (name: string, annotations: Annotations): readonly string[] =>
  readList(annotations) ?? [name]

/** What is wrong with the list in a manifest's annotations, if it has one. */
export function checkServiceAccounts(annotations: Annotations): readonly ShapeProblem[] {
  const accounts = readList(annotations)
  if (accounts === undefined) return []
  const path: FieldPath = ['metadata', 'annotations', SERVICE_ACCOUNTS]
  const problem = findProblem(accounts)
  if (problem === undefined) return []
  return [
    {
      path,
      problem,
      found: JSON.stringify(annotations?.[SERVICE_ACCOUNTS]).slice(0, 200),
      allowed: `names of service accounts with commas between, such as "orders, orders-canary", at most ${MAX_ACCOUNTS}; without the annotation the account of the service's name`,
    },
  ]
}

function readList(annotations: Annotations): readonly string[] | undefined {
  if (annotations === undefined || !Object.hasOwn(annotations, SERVICE_ACCOUNTS)) return undefined
  return (annotations[SERVICE_ACCOUNTS] ?? '').split(',').map((account) => account.trim())
}

function findProblem(accounts: readonly string[]): string | undefined {
  if (accounts.every((account) => account === '')) return 'names nobody, so that nobody could serve'
  const bad = accounts.find((account) => !ACCOUNT.test(account))
  if (bad !== undefined) return `holds ${JSON.stringify(bad.slice(0, 80))}, which is no name of a service account`
  const twice = accounts.find((account, i) => accounts.indexOf(account) < i)
  if (twice !== undefined) return `names "${twice}" twice`
  return accounts.length > MAX_ACCOUNTS ? `names ${accounts.length} service accounts` : undefined
}
