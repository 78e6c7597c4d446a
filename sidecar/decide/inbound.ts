import type { SpokenProtocol, WorkloadResource } from '../config/resources.ts'
import { type MeshError, meshError } from '../core/mesh-errors.ts'
import { authorize } from './authorize.ts'
import type { Decision, RequestFacts, World } from './decision.ts'
import type { Recorder } from './trace-step.ts'

/** Whether a request that arrives for our application is handed to it, and at which port. */
export function decideInbound(facts: RequestFacts, world: World, recorder: Recorder): Decision {
  const { workload, authorization } = world.snapshot
  // What was not told yet is not allowed yet.
  if (workload === undefined) return refuse(unknownYet('what workload it serves', recorder))
  if (facts.caller === undefined && workload.mtls === 'STRICT') return refuse(noIdentity(facts, workload, recorder))
  if (authorization === undefined) return refuse(unknownYet('who may call it', recorder))
  const appPort = findAppPort(workload, facts)
  if (appPort === undefined) return refuse(noSuchPort(workload, facts))
  const declared = workload.serves.find((served) => served.appPort === appPort)?.protocol ?? 'http'
  const protocol = declared === 'auto' ? asSpoken(facts) : declared
  if (protocol === 'tcp' && facts.method !== 'CONNECT') return refuse(notHttp(workload, appPort))
  // Whatever went through a tunnel that an HTTP application granted, no policy would see.
  if (protocol !== 'tcp' && facts.method === 'CONNECT') return refuse(noTunnel(workload, appPort))
  const verdict = authorize(authorization, facts, appPort, recorder)
  if ('code' in verdict) return refuse(verdict)
  return { kind: 'deliver', appPort, protocol, isUndeclared: declared === 'auto', policy: verdict.policy }
}

/** Nobody said what the port speaks: what its caller speaks is what it will understand. */
function asSpoken({ wire }: RequestFacts): SpokenProtocol {
  if (wire === 'tcp') return 'tcp'
  return wire === 'h2' ? 'http2' : 'http'
}

/** The application's port that is addressed; the only one when the link did not say. */
function findAppPort({ serves }: WorkloadResource, facts: RequestFacts): number | undefined {
  const only = serves[0]?.appPort
  for (let i = 0; i < serves.length; i++) {
    const appPort = serves[i]?.appPort
    if (facts.port === undefined ? appPort !== only : appPort === facts.port) return facts.port
  }
  return facts.port === undefined ? only : undefined
}

function noIdentity(facts: RequestFacts, workload: WorkloadResource, recorder: Recorder): MeshError {
  const because = `the caller at ${facts.callerAddress} has no identity, and ${workload.name} requires mutual TLS (STRICT)`
  if (recorder.isOn) recorder.record({ step: 'authorization', verdict: 'denied', because })
  return meshError('denied', because)
}

function unknownYet(what: string, recorder: Recorder): MeshError {
  const because = `this sidecar was not told yet ${what}`
  if (recorder.isOn) recorder.record({ step: 'authorization', verdict: 'denied', because })
  return meshError('denied', because)
}

const notHttp = ({ name }: WorkloadResource, appPort: number): MeshError =>
  meshError('no-route', `port ${appPort} of ${name} speaks TCP, and this is a request of HTTP`)

const noTunnel = ({ name }: WorkloadResource, appPort: number): MeshError =>
  meshError('not-implemented', `CONNECT is not taken to port ${appPort} of ${name}, which speaks HTTP`)

function noSuchPort(workload: WorkloadResource, facts: RequestFacts): MeshError {
  const ports = [...new Set(workload.serves.map(({ appPort }) => appPort))].join(', ') || 'none'
  const asked =
    facts.port === undefined ? 'the link did not say which port is meant' : `port ${facts.port} is not served`
  return meshError('no-route', `${asked}; ${workload.name} serves ${ports}`)
}

const refuse = (error: MeshError): Decision => ({ kind: 'refuse', error })
