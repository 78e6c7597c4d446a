import Type, { type Static } from 'typebox'
import { closed, Milliseconds, Origin, Ratio } from './resource-parts.ts'
import { RetrySettings } from './route-rule.ts'

/** How a caller treats one service: TrafficPolicy with its defaults filled in. */
export const TrafficSettings = Type.Object(
  {
    origin: Origin,
    balancer: Type.Union([
      Type.Literal('p2c-ewma'),
      Type.Literal('least-request'),
      Type.Literal('round-robin'),
      Type.Literal('random'),
    ]),
    connectTimeoutMs: Milliseconds,
    /** The whole exchange, all tries and the response's body included; 0: none. */
    requestTimeoutMs: Milliseconds,
    /**
     * From the end of the request to the head of its response, all tries together; 0: none. Absent: nobody said; then it is
     * `DEFAULT_RESPONSE_TIMEOUT_MS` for a caller that does not say itself how long it waits.
     */
    responseTimeoutMs: Type.Optional(Milliseconds),
    /** One try, to the head of its response; 0: none. */
    perTryTimeoutMs: Milliseconds,
    /** No octet in either direction for this long ends the exchange; 0: never. */
    streamIdleTimeoutMs: Milliseconds,
    retry: RetrySettings,
    retryBudget: Type.Object({ ratio: Ratio, minConcurrent: Type.Integer({ minimum: 0 }) }, closed),
    circuitBreaker: Type.Object(
      {
        /** Connections per endpoint. */
        maxConnections: Type.Integer({ minimum: 1 }),
        /** Exchanges in flight for the service. */
        maxRequests: Type.Integer({ minimum: 1 }),
        /** Exchanges waiting for a connection. */
        maxPending: Type.Integer({ minimum: 0 }),
      },
      closed,
    ),
    outlier: Type.Object(
      {
        /** 5xx answers in a row, or failures to get an answer, that eject an endpoint; 0: never. */
        consecutiveFailures: Type.Integer({ minimum: 0 }),
        baseEjectionMs: Milliseconds,
        maxEjectionMs: Milliseconds,
        /** Never more than this share of the endpoints is out. */
        maxEjectedRatio: Ratio,
      },
      closed,
    ),
  },
  closed,
)
export type TrafficSettings = Static<typeof TrafficSettings>
