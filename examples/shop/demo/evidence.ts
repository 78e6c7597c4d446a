import { X509Certificate } from 'node:crypto'
import { fetchLocal } from '../../../cli/up/local-http.ts'
import type { RunningMesh } from '../../../cli/up/running-mesh.ts'
import { answerInTheClear, answerWithoutCertificate } from './knock.ts'

/** What the mesh itself shows of its identities and its doors. */
export interface Evidence {
  /** Every sidecar holds a certificate of its own, callers were recognized by theirs, and nobody gets in without one. */
  readonly mtls: boolean
  /** SPIFFE IDs in the certificates that the sidecars serve with. */
  readonly identities: readonly string[]
  /** Tries after the first one, all sidecars together. */
  readonly retries: number
  /** Renewed certificates of the sidecar that renewed least: a sidecar that was restarted counts anew. */
  readonly renewals: number
  /** Sentences: what speaks against `mtls`. */
  readonly objections: readonly string[]
}

/** Asks every sidecar for its certificate and its metrics, and knocks at every mesh port without a certificate. */
export async function gatherEvidence(mesh: RunningMesh, callers: readonly string[]): Promise<Evidence> {
  const { file, replicas } = mesh.plan
  const objections: string[] = []
  const identities = new Set<string>()
  const peers = new Set<string>()
  let retries = 0
  let renewals = Number.POSITIVE_INFINITY
  for (const { name, serviceAccount, adminPort, probePort, meshPort, workload } of replicas) {
    const wanted = `spiffe://${file.trustDomain}/ns/${file.namespace}/sa/${serviceAccount}`
    const certificate = await fetchLocal(`http://127.0.0.1:${adminPort}/certs`)
    const objection = certificate === undefined ? 'does not answer' : objectTo(certificate.body, wanted)
    if (objection === undefined) identities.add(wanted)
    else objections.push(`the sidecar of ${name}: ${objection}`)

    const metrics = (await fetchLocal(`http://127.0.0.1:${probePort}/metrics`))?.body ?? ''
    retries += sumOf(metrics, 'outrigger_retries_total')
    renewals = Math.min(renewals, sumOf(metrics, 'outrigger_certificate_renewals_total'))
    for (const [, peer] of metrics.matchAll(/^http_server_request_duration_seconds_count\{.*?peer="([^"]*)"/gm)) {
      if (peer !== undefined) peers.add(peer)
    }

    if ((workload.serves ?? []).length === 0) continue
    if ((await answerInTheClear(meshPort)) !== '') objections.push(`the mesh port of ${name} answers in the clear`)
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const answer = await answerWithoutCertificate(meshPort, version)
      if (answer !== '') objections.push(`the mesh port of ${name} answers a stranger over ${version}`)
    }
  }
  for (const peer of peers) if (!identities.has(peer)) objections.push(`a caller was taken for "${peer}"`)
  for (const caller of callers) {
    const id = `spiffe://${file.trustDomain}/ns/${file.namespace}/sa/${caller}`
    if (!peers.has(id)) objections.push(`no sidecar recognized a caller as ${id}`)
  }
  return { mtls: objections.length === 0, identities: [...identities].sort(), retries, renewals, objections }
}

/** Adds up a counter over its labels. */
export function sumOf(metrics: string, name: string): number {
  let sum = 0
  for (const line of metrics.split('\n')) {
    if (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) sum += Number(line.slice(line.lastIndexOf(' ') + 1))
  }
  return sum
}

function objectTo(text: string, wanted: string): string | undefined {
  const { chainPem } = JSON.parse(text) as { chainPem?: readonly string[] }
  const [leaf] = chainPem ?? []
  if (leaf === undefined) return 'has no certificate'
  const certificate = new X509Certificate(leaf)
  if (certificate.subjectAltName !== `URI:${wanted}`) return `is ${certificate.subjectAltName}, and not ${wanted}`
  return certificate.validToDate.getTime() > Date.now() ? undefined : `its certificate ended at ${certificate.validTo}`
}
