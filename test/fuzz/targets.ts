import assert from 'node:assert/strict'
import type { FuzzTarget } from './fuzz-target.ts'
import { authority, duration, path, spiffeId } from './targets/canonical-forms.ts'
import { certificate, signingRequest } from './targets/certificates.ts'
import { chunkedBody } from './targets/chunked-body.ts'
import { clientHello } from './targets/client-hello.ts'
import { grpcWeb } from './targets/grpc-web.ts'
import { headerAssembly } from './targets/header-assembly.ts'
import { hpack } from './targets/hpack.ts'
import { http1Request } from './targets/http1-request.ts'
import { http1Response } from './targets/http1-response.ts'
import { http2Client, http2Server } from './targets/http2-connection.ts'
import { manifests } from './targets/manifests.ts'
import { spoken } from './targets/spoken.ts'
import { traceContext } from './targets/trace-context.ts'
import { watchLines } from './targets/watch-lines.ts'

/** All of them: first what any stranger can reach. */
export const targets: readonly FuzzTarget[] = [
  ...[spoken, clientHello],
  ...[http1Request, http1Response, chunkedBody],
  ...[http2Server, http2Client, headerAssembly, hpack],
  ...[authority, path, traceContext, grpcWeb],
  ...[certificate, signingRequest, spiffeId],
  ...[watchLines, manifests, duration],
]

/** The one called so. */
export function findTarget(name: string): FuzzTarget {
  const found = targets.find((target) => target.name === name)
  assert(found !== undefined, `no target is called ${name}`)
  return found
}
