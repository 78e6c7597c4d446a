import type { BenchCase, Target } from './case.ts'
import type { ContestantName } from './contestant.ts'
import type { Metric } from './metrics.ts'

/** Beside a peer of the same run: where more is better the ratio is to be above, else below. */
const beside = (peer: ContestantName, metric: Metric, goal: number, floor: number): Target => ({
  peer,
  metric,
  goal,
  floor,
})
const absolute = (metric: Metric, goal: number, floor: number): Target => ({ peer: undefined, metric, goal, floor })

const CLOSED = ['requestsPerSecond', 'p50Ms', 'p99Ms', 'peakMb'] as const

const h1 = (connections: number, targets: readonly Target[]): BenchCase => ({
  name: `h1-${connections}`,
  title: `HTTP/1.1 GET, 64 B, ${connections} ${connections === 1 ? 'connection' : 'connections'}`,
  wire: 'http',
  load: { tool: 'wrk', path: '/', connections },
  metrics: CLOSED,
  targets,
})

const grpc = (connections: number, streams: number): BenchCase => ({
  name: `grpc-${connections}`,
  title: `gRPC unary, 64 B, ${connections} × ${streams} streams`,
  wire: 'grpc',
  load: { tool: 'h2load', connections, streams },
  metrics: ['requestsPerSecond', 'meanMs', 'peakMb'],
  targets: [beside('envoy', 'requestsPerSecond', 1.5, 1.0), beside('haproxy-h2', 'requestsPerSecond', 0.7, 0.4)],
})

const tcp = (connections: number): BenchCase => ({
  name: `tcp-${connections}`,
  title: `TCP bulk, ${connections} ${connections === 1 ? 'connection' : 'connections'}`,
  wire: 'tcp',
  load: { tool: 'bulk', connections },
  metrics: ['megabytesPerSecond', 'peakMb'],
  targets: [beside('haproxy-tcp', 'megabytesPerSecond', 1.1, 0.8)],
})

/** HAProxy with either protocol between: the goal names neither. */
const p50BesideHaproxy = [beside('haproxy-h2', 'p50Ms', 1.1, 1.3), beside('haproxy-h1', 'p50Ms', 1.1, 1.3)]
const besideHaproxy = [beside('haproxy-h2', 'requestsPerSecond', 1.0, 0.75)]

/**
 * What is measured, in this order: the paced case comes first, because its memory figures are of processes that have
 * not been under full load. Cases of one kind of traffic stand together: their contestants are started once.
 */
export const CASES: readonly BenchCase[] = [
  {
    name: 'paced',
    title: '1,000 requests/s at fixed times, 1 KB, 16 connections',
    wire: 'http',
    load: { tool: 'paced', path: '/1k', requestsPerSecond: 1_000, connections: 16 },
    stretch: 2,
    metrics: ['coresPer1000', 'residentMb', 'p50Ms', 'p99Ms', 'addedP50Ms', 'addedP90Ms', 'addedP99Ms', 'lateP99Ms'],
    targets: [
      beside('envoy', 'coresPer1000', 0.7, 1.0),
      beside('envoy', 'addedP99Ms', 1.0, 1.5),
      absolute('residentMb', 70, 90),
    ],
  },
  h1(128, [
    beside('haproxy-h2', 'requestsPerSecond', 1.0, 0.8),
    beside('nginx', 'requestsPerSecond', 1.8, 1.4),
    beside('envoy', 'requestsPerSecond', 2.0, 1.3),
    beside('http2-proxy', 'requestsPerSecond', 6, 4),
  ]),
  h1(32, []),
  h1(4, p50BesideHaproxy),
  h1(1, p50BesideHaproxy),
  {
    name: 'get-1k',
    title: 'HTTP/1.1 GET, 1 KB, 32 connections',
    wire: 'http',
    load: { tool: 'wrk', path: '/1k', connections: 32 },
    metrics: CLOSED,
    targets: besideHaproxy,
  },
  {
    name: 'post-4k',
    title: 'HTTP/1.1 POST, 4 KB, 32 connections',
    wire: 'http',
    load: { tool: 'wrk', path: '/', connections: 32, bodyBytes: 4_096 },
    metrics: CLOSED,
    targets: besideHaproxy,
  },
  grpc(1, 100),
  grpc(4, 25),
  tcp(1),
  tcp(8),
  {
    name: 'start',
    title: 'Start of a sidecar with a cached snapshot',
    wire: 'http',
    load: { tool: 'restart' },
    metrics: ['readyMs', 'listeningMs'],
    targets: [absolute('readyMs', 250, 400)],
  },
]

/** The row that `--quick` measures, beside the peers that it is then measured beside. */
export const QUICK = { name: 'h1-128', contestants: ['outrigger', 'haproxy-h2'] as readonly ContestantName[] }
