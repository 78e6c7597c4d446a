import { counter, gauge, histogram } from './metric-definition.ts'

/**
 * Everything that a sidecar counts. Names follow OpenTelemetry's semantic conventions where there is one.
 * `docs/metrics.md` is compared with this table by a test.
 */
export const SIDECAR_METRICS = {
  serverDuration: histogram(
    'http_server_request_duration_seconds',
    'Inbound exchanges, from the head of the request to the end of the response.',
    ['service', 'peer', 'status', 'grpc_status', 'flag'],
  ),
  clientDuration: histogram(
    'http_client_request_duration_seconds',
    'Outbound exchanges with all their tries, from the head of the request to the end of the response.',
    ['service', 'route', 'status', 'grpc_status', 'flag'],
  ),
  errors: counter('outrigger_errors_total', 'Exchanges that the mesh itself refused or broke off, by flag and code.', [
    'direction',
    'flag',
    'code',
  ]),
  requestBytes: counter(
    'outrigger_request_bytes_total',
    'Octets of request bodies carried.',
    ['direction', 'service'],
    'bytes',
  ),
  responseBytes: counter(
    'outrigger_response_bytes_total',
    'Octets of response bodies carried.',
    ['direction', 'service'],
    'bytes',
  ),
  retries: counter('outrigger_retries_total', 'Tries after the first one.', ['service']),
  retriesRefused: counter('outrigger_retries_refused_total', 'Tries that were wanted and not made, by reason.', [
    'service',
    'reason',
  ]),
  ejections: counter('outrigger_ejections_total', 'Endpoints taken out of rotation.', ['service']),
  ejectedEndpoints: gauge('outrigger_ejected_endpoints', 'Endpoints that are out of rotation now.', ['service']),
  openConnections: gauge('outrigger_open_connections', 'Connections open now; kind is app, link, plain or upstream.', [
    'direction',
    'kind',
  ]),
  openStreams: gauge('outrigger_open_streams', 'Exchanges in flight now.', ['direction']),
  detectedConnections: counter(
    'outrigger_detected_connections_total',
    'Connections to ports that do not say what they speak, by what they turned out to be.',
    ['direction', 'port', 'protocol'],
  ),
  handshakeFailures: counter('outrigger_handshake_failures_total', 'TLS handshakes that failed, by reason.', [
    'direction',
    'reason',
  ]),
  http1Defences: counter(
    'outrigger_http1_defences_total',
    'Times that a defence of HTTP/1 struck: a request of a caller, or response of an application, was refused, or its reading put off.',
    ['message', 'limit'],
  ),
  http2Defences: counter(
    'outrigger_http2_defences_total',
    'Times that a defence of HTTP/2 struck: a connection ended or a message refused because its peer went over a limit.',
    ['limit'],
  ),
  snapshotGeneration: gauge('outrigger_snapshot_generation', 'Number of the configuration that serves now.'),
  staleSeconds: gauge(
    'outrigger_config_stale_seconds',
    'Time since the control plane was last heard; 0 while the watch is live.',
    [],
    'seconds',
  ),
  rejectedResources: counter('outrigger_rejected_resources_total', 'Pushed resources that were refused.', ['kind']),
  watchLosses: counter('outrigger_watch_losses_total', 'Times that the watch on the control plane was lost.'),
  certificateNotAfter: gauge(
    'outrigger_certificate_not_after_timestamp_seconds',
    'End of validity of our own certificate, Unix time.',
    [],
    'seconds',
  ),
  certificateRenewals: counter('outrigger_certificate_renewals_total', 'Renewals of our certificate, by outcome.', [
    'outcome',
  ]),
  spansDropped: counter('outrigger_spans_dropped_total', 'Spans that were not exported, by reason.', ['reason']),
  accessLogDropped: counter('outrigger_access_log_dropped_total', 'Lines of the access log that were not written.'),
  isDraining: gauge('outrigger_draining', '1 while the sidecar takes no new requests.'),
} as const
