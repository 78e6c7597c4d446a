import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { RunningMesh } from '../../../cli/up/running-mesh.ts'
import type { ReceivedSpan } from '../../../control-plane/telemetry/received-span.ts'
import { printTrace } from '../../../control-plane/telemetry/trace-tree.ts'

const CLI = fileURLToPath(new URL('../../../bin/outrigger.mjs', import.meta.url))
const EXPLAIN_TIMEOUT_MS = 15_000

/** Where a person goes on from here: the API, metrics, one trace, and one decision explained. */
export async function whereToLook(
  mesh: RunningMesh,
  trace: readonly ReceivedSpan[],
  tracesUrl: string,
): Promise<string> {
  const explain = ['explain', 'GET', 'http://orders/items', '--from', 'shop/web', '--api', mesh.apiUrl]
  const explained = await runOutrigger(explain)
  return [
    `  API      ${mesh.apiUrl}/v1/status`,
    `  metrics  ${mesh.probeUrl('web')}/metrics   (web's sidecar)`,
    `  admin    ${mesh.adminUrl('web')}/config   /endpoints /certs /trace`,
    `  traces   ${tracesUrl}/traces`,
    ...(trace.length === 0 ? [] : ['', `  one trace, ${trace[0]?.traceId}:`, indent(printTrace(trace))]),
    ...(explained === '' ? [] : ['', `  outrigger ${explain.join(' ')}`, indent(explained)]),
  ].join('\n')
}

const indent = (text: string): string => text.trimEnd().replaceAll(/^(?=.)/gm, '    ')

/** What the command prints; '' when it fails: it is a part of the show, not of the proof. */
function runOutrigger(args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, [CLI, ...args], { timeout: EXPLAIN_TIMEOUT_MS }, (error, stdout) => {
      resolve(error === null ? stdout : '')
    })
  })
}
