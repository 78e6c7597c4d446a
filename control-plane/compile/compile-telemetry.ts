import type { TelemetryResource } from '../../sidecar/config/resources.ts'
import type { World } from '../world/world.ts'

const ACCESS_LOG = { Off: 'off', Errors: 'errors', All: 'all' } as const

/** What sidecars report and where to: MeshConfig over the defaults that the control plane was started with. */
export function compileTelemetry(world: World): TelemetryResource {
  const { tracing, accessLog } = world.meshConfig?.spec ?? {}
  const { samplingRatio, otlpEndpoint, accessLog: defaultLog } = world.telemetryDefaults
  const endpoint = tracing?.endpoint ?? otlpEndpoint
  return {
    kind: 'Telemetry',
    name: 'mesh',
    samplingRatio: tracing?.samplingPercent === undefined ? samplingRatio : tracing.samplingPercent / 100,
    ...(endpoint === undefined ? {} : { otlpEndpoint: endpoint }),
    accessLog: accessLog === undefined ? defaultLog : ACCESS_LOG[accessLog.mode],
  }
}
