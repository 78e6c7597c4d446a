import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCertificates } from '../../bench/certificates.ts'
import type { Stage } from '../../bench/contestant.ts'
import { startOutrigger } from '../../bench/contestants/outrigger.ts'
import { memoryMib, pause } from '../../bench/processes.ts'

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

const PROBE: Readonly<Record<string, string>> = { tcp: 'p' }
const HEAD = 'HEAD / HTTP/1.1\r\nhost: api\r\nconnection: close\r\n\r\n'
const PROBE_ATTEMPTS = 150
const PROBE_MS = 200

/** Resolves when what is sent to the caller's sidecar reaches the application: until then no endpoint may be known. */
async function reaches(port: number, protocol: string, isReached: () => boolean): Promise<void> {
  for (let attempt = 0; !isReached(); attempt++) {
    if (attempt === PROBE_ATTEMPTS) throw new Error('the application is not reached through the two sidecars')
    const socket = connect(port, '127.0.0.1').on('error', () => undefined)
    socket.resume().end(PROBE[protocol] ?? HEAD)
    await Promise.race([new Promise((resolve) => socket.once('close', resolve)), pause(PROBE_MS)])
    socket.destroy()
  }
}

/**
 * Starts the pair before an application; both share one core, and whoever asks has the other.
 * @param isReached whether the application has had a connection
 */
export async function startSidecarPair(
  protocol: string,
  applicationPort: number,
  isReached: () => boolean,
): Promise<SidecarPair> {
  const directory = mkdtempSync(join(tmpdir(), 'outrigger-endurance-'))
  const stage: Stage = {
    ...{ directory, wire: 'http', backendPort: applicationPort, sinkPort: applicationPort, core: 0, loadCore: 1 },
    tls: makeCertificates(join(directory, 'tls')),
  }
  const pair = await startOutrigger(stage, manifests(protocol))
  const stop = async (): Promise<void> => {
    await pair.stop()
    rmSync(directory, { recursive: true, force: true })
  }
  try {
    await reaches(pair.frontPort, protocol, isReached)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    port: pair.frontPort,
    residentMib: (which) => pair.processes().map((pids) => memoryMib(pids, which)),
    [Symbol.asyncDispose]: stop,
  }
}
