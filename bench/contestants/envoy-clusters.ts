import { BACK_ID, type KeyPairFiles } from '../certificates.ts'
import type { Stage } from '../contestant.ts'

const TYPES = 'type.googleapis.com/envoy.extensions'

/** The same thresholds as Outrigger's policy has. */
const BREAKERS = {
  circuit_breakers: {
    thresholds: [{ max_connections: 1024, max_pending_requests: 1024, max_requests: 1024, max_retries: 3 }],
  },
  outlier_detection: { consecutive_5xx: 5 },
}

/** The other proxy: mutual TLS, and HTTP/2 where requests are carried. */
export function meshCluster(stage: Stage, port: number): object {
  const isHttp = stage.wire !== 'tcp'
  return {
    ...cluster('mesh', port),
    ...BREAKERS,
    ...(isHttp ? protocol('http2_protocol_options') : {}),
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      typed_config: {
        '@type': `${TYPES}.transport_sockets.tls.v3.UpstreamTlsContext`,
        sni: 'api.mesh.local',
        common_tls_context: commonTls(stage.tls.caFile, stage.tls.front, BACK_ID, isHttp),
      },
    },
  }
}

/** The application beside the second proxy. */
export const appCluster = (stage: Stage): object => ({
  ...cluster('app', stage.backendPort),
  ...BREAKERS,
  ...(stage.wire === 'grpc' ? protocol('http2_protocol_options') : {}),
})

/** Where spans go. */
export const sinkCluster = (port: number): object => cluster('traces', port)

/** TLS 1.3 with a certificate of our own, and the peer's verified: by the authority, and by its identity. */
export const commonTls = (caFile: string, own: KeyPairFiles, peerId: string, isHttp: boolean): object => ({
  tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
  tls_certificates: [{ certificate_chain: { filename: own.certFile }, private_key: { filename: own.keyFile } }],
  validation_context: {
    trusted_ca: { filename: caFile },
    match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { exact: peerId } }],
  },
  ...(isHttp ? { alpn_protocols: ['h2'] } : {}),
})

const cluster = (name: string, port: number): object => ({
  name,
  type: 'STATIC',
  connect_timeout: '5s',
  load_assignment: {
    cluster_name: name,
    endpoints: [
      {
        lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } }],
      },
    ],
  },
})

const protocol = (name: string): object => ({
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': `${TYPES}.upstreams.http.v3.HttpProtocolOptions`,
      explicit_http_config: { [name]: {} },
    },
  },
})
