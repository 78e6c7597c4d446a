import { type Manifest, manifestKey, refOf } from '../policy/manifest.ts'
import type { WorkloadRefusal } from '../push/ack-tracker.ts'

/** A condition as Kubernetes shapes them (metav1.Condition). */
export interface Condition {
  readonly type: 'Accepted' | 'Programmed'
  readonly status: 'True' | 'False'
  readonly reason: string
  readonly message: string
  readonly observedGeneration: number
  /** Of the latest refusal. */
  readonly lastTransitionTime?: string
}

/** What has become of a manifest: it was accepted when it was stored, and it is programmed unless sidecars refused what it was compiled to. */
export function conditionsOf(manifest: Manifest, refusals: readonly WorkloadRefusal[]): readonly Condition[] {
  const observedGeneration = manifest.metadata.generation ?? 1
  const accepted: Condition = {
    type: 'Accepted',
    status: 'True',
    reason: 'Accepted',
    message: 'the manifest is valid',
    observedGeneration,
  }
  const ref = refOf(manifest)
  // Origins of compiled rules always name a namespace, empty for kinds of the whole mesh.
  const origins = [manifestKey(ref), `${ref.kind}/${ref.namespace}/${ref.name}`]
  const against = refusals.filter(({ manifests }) => manifests.some((origin) => origins.includes(origin)))
  const [latest] = [...against].sort((a, b) => b.atMs - a.atMs)
  if (latest === undefined)
    return [
      accepted,
      {
        type: 'Programmed',
        status: 'True',
        reason: 'Programmed',
        message: 'no sidecar refused it',
        observedGeneration,
      },
    ]
  const workloads = [...new Set(against.map(({ workload }) => workload.name))]
  return [
    accepted,
    {
      type: 'Programmed',
      status: 'False',
      reason: 'RefusedBySidecar',
      message: `${workloads.join(', ')} refused ${latest.kind} ${latest.name}: ${latest.reason}; the earlier version serves`,
      observedGeneration,
      lastTransitionTime: new Date(latest.atMs).toISOString(),
    },
  ]
}
