import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { ContestantKind, Stage } from '../contestant.ts'
import { startPair } from '../pair.ts'
import { type Command, printedVersion } from '../processes.ts'
import { appCluster, meshCluster, sinkCluster } from './envoy-clusters.ts'
import { byteFilters, downstreamTls, httpFilters } from './envoy-listeners.ts'

const program = process.env['ENVOY'] ?? 'envoy'

/** Envoy twice, one worker each, configured as a mesh does: routing, RBAC, retries, breakers, stats, 1 % tracing. */
export const ENVOY: ContestantKind = {
  name: 'envoy',
  title: 'Envoy',
  wires: ['http', 'grpc', 'tcp'],
  between: 'HTTP/2',
  authorizes: true,
  version: () => printedVersion(program, ['--version'], /\/(\d+\.\d+\.\d+)\//),
  start: (stage) =>
    startPair(stage, ({ front, mesh }) => ({
      front: envoyCommand(
        stage,
        'front',
        { port: front, filters: filtersFor(stage, 'outbound', 'mesh') },
        meshCluster(stage, mesh),
      ),
      back: envoyCommand(
        stage,
        'back',
        {
          port: mesh,
          filters: filtersFor(stage, 'inbound', 'app'),
          transport_socket: downstreamTls(stage.tls, stage.wire !== 'tcp'),
        },
        appCluster(stage),
      ),
    })),
}

const filtersFor = (stage: Stage, direction: 'outbound' | 'inbound', cluster: string): readonly object[] =>
  stage.wire === 'tcp' ? byteFilters(direction, cluster) : httpFilters(stage.directory, direction, cluster)

interface Listener {
  readonly port: number
  readonly filters: readonly object[]
  readonly transport_socket?: object
}

const loopback = (port: number): object => ({ socket_address: { address: '127.0.0.1', port_value: port } })

function envoyCommand(stage: Stage, name: string, { port, ...chain }: Listener, cluster: object): Command {
  const file = join(stage.directory, `${name}.json`)
  const config = {
    node: { id: name, cluster: 'bench' },
    admin: { address: loopback(0) },
    static_resources: {
      listeners: [{ name, address: loopback(port), filter_chains: [chain] }],
      clusters: [cluster, sinkCluster(stage.sinkPort)],
    },
  }
  writeFileSync(file, JSON.stringify(config))
  return { program, args: ['-c', file, '--concurrency', '1', '--disable-hot-restart', '--log-level', 'error'] }
}
