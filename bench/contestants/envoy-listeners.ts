import { join } from 'node:path'
import { FRONT_ID, type TlsFiles } from '../certificates.ts'
import { RULE_COUNT, ruleName } from '../manifests.ts'
import { commonTls } from './envoy-clusters.ts'

const TYPES = 'type.googleapis.com/envoy.extensions'
const FILTERS = `${TYPES}.filters`

type Direction = 'outbound' | 'inbound'

/** What callers of the second proxy must have. */
export const downstreamTls = (tls: TlsFiles, isHttp: boolean): object => ({
  name: 'envoy.transport_sockets.tls',
  typed_config: {
    '@type': `${TYPES}.transport_sockets.tls.v3.DownstreamTlsContext`,
    require_client_certificate: true,
    common_tls_context: commonTls(tls.caFile, tls.back, FRONT_ID, isHttp),
  },
})

/** Requests: routing by host, retries, a timeout; 20 rules on the callee's side; 1 % of traces; a log of failures. */
export function httpFilters(directory: string, direction: Direction, cluster: string): readonly object[] {
  const isInbound = direction === 'inbound'
  const filters = [
    ...(isInbound ? [httpRbac('DENY', denyPolicies()), httpRbac('ALLOW', allowPolicies(RULE_COUNT))] : []),
    { name: 'envoy.filters.http.router', typed_config: { '@type': `${FILTERS}.http.router.v3.Router` } },
  ]
  return [
    {
      name: 'envoy.filters.network.http_connection_manager',
      typed_config: {
        '@type': `${FILTERS}.network.http_connection_manager.v3.HttpConnectionManager`,
        stat_prefix: direction,
        codec_type: isInbound ? 'HTTP2' : 'AUTO',
        tracing: tracing(),
        access_log: [errorsLog(join(directory, `${direction}.log`))],
        http_filters: filters,
        route_config: { name: 'routes', virtual_hosts: [virtualHost(cluster, isInbound)] },
      },
    },
  ]
}

/** Connections: 20 rules on the callee's side, and a relay. */
export const byteFilters = (direction: Direction, cluster: string): readonly object[] => [
  ...(direction === 'inbound'
    ? [
        {
          name: 'envoy.filters.network.rbac',
          typed_config: {
            '@type': `${FILTERS}.network.rbac.v3.RBAC`,
            stat_prefix: 'allowed',
            rules: { action: 'ALLOW', policies: allowPolicies(2 * RULE_COUNT) },
          },
        },
      ]
    : []),
  {
    name: 'envoy.filters.network.tcp_proxy',
    typed_config: { '@type': `${FILTERS}.network.tcp_proxy.v3.TcpProxy`, stat_prefix: direction, cluster },
  },
]

/** The caller's side tries again; the callee's does not, as in Outrigger. */
const virtualHost = (cluster: string, isInbound: boolean): object => ({
  name: 'api',
  domains: ['api', 'api:*'],
  routes: [
    {
      match: { prefix: '/' },
      route: {
        cluster,
        timeout: '10s',
        ...(isInbound ? {} : { retry_policy: { retry_on: 'connect-failure,refused-stream,5xx', num_retries: 2 } }),
      },
    },
  ],
})

const httpRbac = (action: string, policies: object): object => ({
  name: `rbac-${action}`,
  typed_config: { '@type': `${FILTERS}.http.rbac.v3.RBAC`, rules: { action, policies } },
})

const numbered = <T>(count: number, of: (name: string) => T): Record<string, T> =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [ruleName(at), of(ruleName(at))]))

/** `DELETE /name-N` is refused, whoever asks. */
const denyPolicies = (): object =>
  numbered(RULE_COUNT, (name) => ({
    permissions: [
      {
        and_rules: {
          rules: [
            { header: { name: ':method', string_match: { exact: 'DELETE' } } },
            { url_path: { path: { prefix: `/${name}` } } },
          ],
        },
      },
    ],
    principals: [{ any: true }],
  }))

/** The caller is one of these; the last one of them is. */
const allowPolicies = (count: number): object => ({
  ...numbered(count - 1, (name) => accountPolicy(`spiffe://local.mesh/ns/bench/sa/${name}`)),
  web: accountPolicy(FRONT_ID),
})

const accountPolicy = (id: string): object => ({
  permissions: [{ any: true }],
  principals: [{ authenticated: { principal_name: { exact: id } } }],
})

const tracing = (): object => ({
  random_sampling: { value: 1 },
  provider: {
    name: 'envoy.tracers.opentelemetry',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig',
      service_name: 'bench',
      http_service: { http_uri: { uri: 'http://127.0.0.1/v1/traces', cluster: 'traces', timeout: '1s' } },
    },
  },
})

const errorsLog = (path: string): object => ({
  name: 'envoy.access_loggers.file',
  filter: {
    status_code_filter: { comparison: { op: 'GE', value: { default_value: 400, runtime_key: 'bench.log' } } },
  },
  typed_config: { '@type': `${TYPES}.access_loggers.file.v3.FileAccessLog`, path },
})
