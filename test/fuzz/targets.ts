import assert from 'node:assert/strict'
import type { FuzzTarget } from './fuzz-target.ts'
import { chunkedBody } from './targets/chunked-body.ts'
import { headerAssembly } from './targets/header-assembly.ts'
import { hpack } from './targets/hpack.ts'
import { http1Request } from './targets/http1-request.ts'
import { http1Response } from './targets/http1-response.ts'
import { http2Client, http2Server } from './targets/http2-connection.ts'

/** All of them, in the order in which octets of a stranger reach us. */
export const targets: readonly FuzzTarget[] = [
  http1Request,
  http1Response,
  chunkedBody,
  http2Server,
  http2Client,
  headerAssembly,
  hpack,
]

/** The one called so. */
export function findTarget(name: string): FuzzTarget {
  const found = targets.find((target) => target.name === name)
  assert(found !== undefined, `no target is called ${name}`)
  return found
}
