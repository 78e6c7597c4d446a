import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { type ApiReply, failure } from './api-reply.ts'

/** Who may use the API. */
export interface AccessPolicy {
  /** Required of everybody when set, and an empty one lets nobody in; without it the API must listen on loopback only. */
  readonly adminToken: string | undefined
  /** Names that the API is called by, besides addresses and `localhost`. */
  readonly hostNames: readonly string[]
}

/**
 * The refusal of a request, or undefined. A page of another origin in the browser of somebody who sits at this machine
 * reaches loopback too: a foreign `Origin`, or a name made to point here (DNS rebinding), is refused.
 */
export function refusalOf(request: IncomingMessage, policy: AccessPolicy): ApiReply | undefined {
  const host = request.headers.host ?? ''
  if (!isOurName(hostNameOf(host), policy.hostNames))
    return failure(421, {
      what: `Host "${host}" is not a name of this control plane`,
      where: 'Host',
      allowed: ['localhost', 'an IP address', ...policy.hostNames].join(', '),
    })
  const { origin } = request.headers
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`)
    return failure(403, {
      what: `pages of "${origin}" may not use this API`,
      where: 'Origin',
      allowed: `http://${host}`,
    })
  if (policy.adminToken !== undefined && !bears(request, policy.adminToken))
    return failure(401, {
      what: 'the admin token is missing or wrong',
      where: 'Authorization',
      allowed: 'Bearer TOKEN',
    })
  return undefined
}

/** Host without port: `[::1]:80` → `::1`. */
const hostNameOf = (host: string): string =>
  host
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase()

const isOurName = (name: string, names: readonly string[]): boolean =>
  name === 'localhost' || isIP(name) !== 0 || names.some((ours) => ours.toLowerCase() === name)

/** Nobody bears an empty token, as an empty file would make it: whoever sends none has one too. */
function bears(request: IncomingMessage, token: string): boolean {
  const given = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
  // Digests have one length, so that the comparison tells nothing about the token's.
  return timingSafeEqual(digestOf(given), digestOf(token)) && token !== ''
}

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest()
