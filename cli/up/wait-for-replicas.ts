import { err, ok, type Result } from '../../certs/result.ts'
import type { Clock } from '../../sidecar/core/clock.ts'
import { accepts, fetchLocal } from './local-http.ts'
import { type Plan, type PlannedReplica, plannedEndpoints } from './plan.ts'
import type { ProgramSet } from './program-set.ts'
import { waitUntil } from './wait-until.ts'

const START_MS = 60_000

/** What the admin port says of endpoints. */
interface EndpointSummary {
  readonly services: readonly { readonly name: string; readonly endpoints: readonly unknown[] }[]
}

/** Waits until every replica carries traffic. `failed` answers why to give up, asked again and again. */
export async function waitForReplicas(
  plan: Plan,
  programs: ProgramSet,
  clock: Clock,
  failed: () => string | undefined,
): Promise<Result<void, string>> {
  const waiting = new Set(plan.replicas)
  const done = await waitUntil(clock, START_MS, async () => {
    for (const planned of waiting) {
      if (failed() !== undefined) return undefined
      const missing = await findMissing(plan, planned)
      if (missing !== undefined) return `${missing.what}.${programs.lastLines(missing.program)}`
      waiting.delete(planned)
    }
    return undefined
  })
  const failure = failed()
  if (failure !== undefined) return err(failure)
  return done.ok ? ok(undefined) : err(`Not ready within ${START_MS / 1_000} s: ${done.error}`)
}

async function findMissing(
  plan: Plan,
  planned: PlannedReplica,
): Promise<{ readonly what: string; readonly program: string } | undefined> {
  const { name, workload, appPort, probePort, adminPort } = planned
  const sidecar = `${name}.sidecar`
  if ((workload.serves ?? []).length > 0 && !(await accepts(appPort))) {
    return { what: `"${name}" does not accept on the port in PORT, ${appPort}`, program: name }
  }
  const ready = await fetchLocal(`http://127.0.0.1:${probePort}/ready`)
  if (ready?.status !== 200) {
    return { what: `the sidecar of "${name}" says: ${ready?.body.trim() ?? 'nothing'}`, program: sidecar }
  }
  const shown = await fetchLocal(`http://127.0.0.1:${adminPort}/endpoints`)
  const summary = shown?.status === 200 ? (JSON.parse(shown.body) as EndpointSummary) : undefined
  for (const service of planned.upstreamPorts.keys()) {
    const wanted = plannedEndpoints(plan, service)
    const known =
      summary?.services.find((one) => one.name === `${plan.file.namespace}/${service}`)?.endpoints.length ?? 0
    if (known < wanted) {
      return {
        what: `the sidecar of "${name}" knows ${known} of ${wanted} endpoints of "${service}"`,
        program: sidecar,
      }
    }
  }
  return undefined
}
