import type { Caller } from './callers/caller.ts'
import { grpcCaller } from './callers/grpc.ts'
import { grpcWebCaller } from './callers/grpc-web.ts'
import { http1Caller, http10Caller } from './callers/http1.ts'
import { http2Caller } from './callers/http2.ts'
import { tcpCaller } from './callers/tcp.ts'
import { webSocketCaller } from './callers/websocket.ts'
import type { ServiceName } from './cut-stage.ts'

/** One way to exchange parcels. */
export interface Kind {
  readonly name: string
  readonly service: ServiceName
  /** Ways in which the application answers; one of them for each parcel. */
  readonly forms: readonly string[]
  readonly caller: Caller
  readonly hasUp: boolean
  /** Of 204, 304 and HEAD nothing comes but a head. */
  readonly hasDown: boolean
  /** May reach the application more than once: a safe method, or a connection that says nothing of its own. */
  readonly isIdempotent: boolean
  /**
   * Nothing but the end of a connection says where the answer ends, at these hops, or where what goes up does: what an end
   * cuts off there cannot be told from a message that is shorter. Everywhere else an end is a failure, and must be seen.
   */
  readonly answerEndsBy?: readonly Edge[]
  readonly requestEndsBy?: readonly Edge[]
}

/** Hops whose connection is not the mesh's own. */
export type Edge = 'caller' | 'application'

const DOWN = ['length', 'chunks', 'trailers']
const get = http1Caller({ method: 'GET' })
const getKind = { hasUp: false, hasDown: true, isIdempotent: true }
const postKind = { hasUp: true, hasDown: true, isIdempotent: false }

/** What microservices speak. */
export const KINDS: readonly Kind[] = [
  { name: 'HTTP/1.1 GET', service: 'files', forms: DOWN, caller: get, ...getKind },
  { name: 'HTTP/1.1 GET, undeclared port', service: 'guess', forms: DOWN, caller: get, ...getKind },
  { name: 'HTTP/1.1 GET, HTTP/2 application', service: 'wires', forms: DOWN, caller: get, ...getKind },
  {
    name: 'HTTP/1.1 GET, answer until the close',
    service: 'files',
    forms: ['close'],
    caller: get,
    answerEndsBy: ['application'],
    ...getKind,
  },
  {
    name: 'HTTP/1.0 GET',
    service: 'files',
    forms: DOWN.slice(1),
    caller: http10Caller,
    answerEndsBy: ['caller'],
    ...getKind,
  },
  {
    name: 'HTTP/1.0 GET, answer until the close',
    service: 'files',
    forms: ['close'],
    caller: http10Caller,
    answerEndsBy: ['caller', 'application'],
    ...getKind,
  },
  {
    name: 'HTTP/1.1 204 and 304',
    service: 'files',
    forms: ['nocontent', 'notmodified'],
    caller: get,
    ...getKind,
    hasDown: false,
  },
  { name: 'HTTP/1.1 HEAD', service: 'files', forms: ['length'], caller: http1Caller({ method: 'HEAD' }), ...getKind },
  ...(['length', 'chunks', 'trailers'] as const).flatMap((body) => [
    {
      name: `HTTP/1.1 POST, ${body}`,
      service: 'files' as const,
      forms: DOWN,
      caller: http1Caller({ method: 'POST', body }),
      ...postKind,
    },
    {
      name: `HTTP/1.1 POST, ${body}, HTTP/2 application`,
      service: 'wires' as const,
      forms: DOWN,
      caller: http1Caller({ method: 'POST', body }),
      ...postKind,
    },
  ]),
  { name: 'HTTP/2 GET', service: 'wires', forms: DOWN, caller: http2Caller({ method: 'GET' }), ...getKind },
  {
    name: 'HTTP/2 GET, HTTP/1.1 application',
    service: 'files',
    forms: DOWN,
    caller: http2Caller({ method: 'GET' }),
    ...getKind,
  },
  {
    name: 'HTTP/2 GET, answer until the close',
    service: 'files',
    forms: ['close'],
    caller: http2Caller({ method: 'GET' }),
    answerEndsBy: ['application'],
    ...getKind,
  },
  { name: 'HTTP/2 POST', service: 'wires', forms: DOWN, caller: http2Caller({ method: 'POST' }), ...postKind },
  {
    name: 'HTTP/2 POST, length',
    service: 'wires',
    forms: DOWN,
    caller: http2Caller({ method: 'POST', hasLength: true }),
    ...postKind,
  },
  {
    name: 'HTTP/2 POST, trailers',
    service: 'wires',
    forms: DOWN,
    caller: http2Caller({ method: 'POST', hasTrailers: true }),
    ...postKind,
  },
  {
    name: 'HTTP/2 POST, HTTP/1.1 application',
    service: 'files',
    forms: DOWN,
    caller: http2Caller({ method: 'POST' }),
    ...postKind,
  },
  { name: 'gRPC', service: 'calls', forms: ['unary', 'server', 'client', 'talk'], caller: grpcCaller, ...postKind },
  { name: 'gRPC-Web', service: 'calls', forms: ['unary', 'server'], caller: grpcWebCaller, ...postKind },
  // its request is a GET, which may be made again; messages follow only where it was granted
  {
    name: 'WebSocket',
    service: 'files',
    forms: ['messages'],
    caller: webSocketCaller,
    ...postKind,
    isIdempotent: true,
  },
  {
    name: 'TCP',
    service: 'bank',
    forms: ['tcp'],
    caller: tcpCaller,
    answerEndsBy: ['caller', 'application'],
    requestEndsBy: ['caller', 'application'],
    ...postKind,
  },
  {
    name: 'TCP, undeclared port',
    service: 'mute',
    forms: ['tcp'],
    caller: tcpCaller,
    answerEndsBy: ['caller', 'application'],
    requestEndsBy: ['caller', 'application'],
    ...postKind,
  },
]
