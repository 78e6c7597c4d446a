import type { ServiceResource } from '../config/resources.ts'
import { type MeshError, meshError } from '../core/mesh-errors.ts'
import { hostOf, portOf } from '../http/authority.ts'
import type { RequestFacts, World } from './decision.ts'
import { listNames, quote } from './describe.ts'
import type { Recorder } from './trace-step.ts'

/** The service that a request leaving our application means: its listener's, else that of its host. */
export function findService(facts: RequestFacts, world: World, recorder: Recorder): ServiceResource | MeshError {
  const { snapshot } = world
  const name = facts.service ?? findByHost(facts.authority, world)
  const service = name === undefined ? undefined : snapshot.services.get(name)
  if (service !== undefined) {
    if (recorder.isOn) {
      recorder.record({
        step: 'service-found',
        service: service.name,
        by: facts.service === undefined ? 'host' : 'listener',
      })
    }
    return service
  }
  const host = hostOf(facts.authority)
  const known = [...snapshot.services.keys()].sort()
  if (recorder.isOn) recorder.record({ step: 'service-missing', host: name ?? host, known })
  const what =
    facts.service === undefined ? `no service answers to host ${quote(host)}` : `service ${facts.service} is not known`
  return meshError('no-route', `${what}; known services: ${listNames(known)}`)
}

function findByHost(authority: string, world: World): string | undefined {
  const index = world.snapshot.serviceByHost
  return index.get(authority) ?? index.get(hostOf(authority).toLowerCase())
}

/**
 * The service's port that a request means: the one its listener or original destination says, else that of its authority
 * when the host named the service, else 80 where there is one, else the first. Undefined when the service has no such port.
 */
export function findPort(service: ServiceResource, facts: RequestFacts): number | undefined {
  const { ports } = service
  const asked = facts.port ?? (facts.service === undefined ? portOf(facts.authority) : undefined)
  const first = ports[0]
  if (asked === undefined && ports.length === 1) return first?.port
  for (let i = 0; i < ports.length; i++) {
    const port = ports[i]?.port
    if (port === (asked ?? 80)) return port
  }
  return asked === undefined ? first?.port : undefined
}
