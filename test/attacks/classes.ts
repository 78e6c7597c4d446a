import type { Attack } from './attack.ts'
import { GREED } from './greedy-http2.ts'
import { HTTP1 } from './http1-attacks.ts'
import { FLOODS } from './http2-floods.ts'
import { HEADERS } from './http2-headers.ts'
import { MEMORY } from './http2-memory.ts'
import { RESETS } from './http2-resets.ts'
import { PROBES } from './probe-attacks.ts'
import { SLOW_MODES } from './slow-modes.ts'
import { TLS } from './tls-attacks.ts'

/** Everything that is tried. */
export const ATTACKS: readonly Attack[] = [
  ...RESETS,
  ...HEADERS,
  ...FLOODS,
  ...MEMORY,
  ...GREED,
  ...HTTP1,
  ...TLS,
  ...PROBES,
  ...SLOW_MODES,
]
