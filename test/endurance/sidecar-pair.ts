import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCertificates } from '../../bench/certificates.ts'
import type { Stage } from '../../bench/contestant.ts'
import { startOutrigger } from '../../bench/contestants/outrigger.ts'
import { residentMib } from './resident-memory.ts'

/** Two sidecars of the release, in processes of their own, before an application. */
export interface SidecarPair extends AsyncDisposable {
  /** Where the caller connects. */
  readonly port: number
  /** Resident memory in MiB, of the caller's sidecar and of the callee's: now, or the most so far. */
  residentMib(which: 'VmRSS' | 'VmHWM'): readonly number[]
}

/** More at once, and for longer, than the defaults let one caller have. */
const manifests = (protocol: string): string => `
apiVersion: v1
kind: Service
metadata: { name: api, namespace: bench }
spec: { ports: [{ port: 80, appProtocol: ${protocol} }] }
---
apiVersion: outrigger.dev/v1alpha1
kind: TrafficPolicy
metadata: { name: api, namespace: bench }
spec:
  targetRefs: [{ group: "", kind: Service, name: api }]
  circuitBreaker: { maxParallelRequests: 100000, maxPendingRequests: 100000 }
  timeouts: { response: 10m, streamIdle: 1h }
`

/** Starts the pair; both share one core, and whoever asks has the other. */
export async function startSidecarPair(protocol: string, applicationPort: number): Promise<SidecarPair> {
  const directory = mkdtempSync(join(tmpdir(), 'outrigger-endurance-'))
  const stage: Stage = {
    ...{ directory, wire: 'http', backendPort: applicationPort, sinkPort: applicationPort, core: 0, loadCore: 1 },
    tls: makeCertificates(join(directory, 'tls')),
  }
  const pair = await startOutrigger(stage, manifests(protocol))
  return {
    port: pair.frontPort,
    residentMib: (which) => pair.processes().map((pids) => residentMib(pids, which)),
    [Symbol.asyncDispose]: async () => {
      await pair.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
