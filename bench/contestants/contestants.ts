import type { ContestantKind } from '../contestant.ts'
import { ENVOY } from './envoy.ts'
import { HAPROXY } from './haproxy.ts'
import { HTTP2_PROXY } from './http2-proxy.ts'
import { NGHTTPX } from './nghttpx.ts'
import { NGINX } from './nginx.ts'
import { OUTRIGGER } from './outrigger.ts'

/** All contestants, in the order of their rounds. A new one is a file and a name here. */
export const CONTESTANTS: readonly ContestantKind[] = [OUTRIGGER, ...HAPROXY, ...NGINX, NGHTTPX, ENVOY, HTTP2_PROXY]
