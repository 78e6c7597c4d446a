import { toTable } from '../table.ts'
import type { RunningMesh } from './running-mesh.ts'

/** What a person wants to know of a mesh that has just started: who is where, and what to try. */
export function describeMesh(mesh: RunningMesh): string {
  const { file, replicas } = mesh.plan
  const rows = replicas.map(({ name, workload, appPort, probePort, adminPort, upstreamPorts }) => [
    name,
    (workload.serves ?? []).map(({ service }) => service).join(' ') || '-',
    workload.command === undefined ? '-' : String(appPort),
    [...upstreamPorts].map(([service, port]) => `${service}=127.0.0.1:${port}`).join(' ') || '-',
    `http://127.0.0.1:${probePort}/metrics`,
    `http://127.0.0.1:${adminPort}`,
  ])
  const headings = ['WORKLOAD', 'SERVES', 'PORT', 'CALLS THROUGH', 'METRICS', 'ADMIN']
  return [
    '',
    toTable(headings, rows),
    '',
    `Mesh "${file.name}" is up: API ${mesh.apiUrl}, logs in ${mesh.plan.directory}/logs. Ctrl-c stops it.`,
    'Try:',
    ...suggestions(mesh).map((line) => `  ${line}`),
    '',
  ].join('\n')
}

/** The first workloads that call something: each by its listener, and how the decision comes about. */
function suggestions(mesh: RunningMesh): string[] {
  const { file, replicas } = mesh.plan
  const lines: string[] = []
  // A sidecar without a program is there for a person to call through.
  const callers = replicas.filter(({ upstreamPorts }) => upstreamPorts.size > 0)
  const caller = callers.find(({ workload }) => workload.command === undefined) ?? callers[0]
  const first = caller === undefined ? undefined : [...caller.upstreamPorts][0]
  if (caller !== undefined && first !== undefined) {
    const [service, port] = first
    lines.push(`curl -i http://127.0.0.1:${port}/            # calls ${service} as ${file.namespace}/${caller.name}`)
    lines.push(
      `npx outrigger explain GET http://${service}/ --from ${file.namespace}/${caller.name} --api ${mesh.apiUrl}`,
    )
  }
  lines.push(`npx outrigger get services --api ${mesh.apiUrl}`, `npx outrigger apply -f FILE --api ${mesh.apiUrl}`)
  return lines
}
