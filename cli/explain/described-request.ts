import { canonicalAuthority, portOf } from '../../sidecar/http/authority.ts'
import { canonicalPath } from '../../sidecar/http/path.ts'
import { CliError, ExitCode } from '../exit-code.ts'

/** A request as a person describes it: method, URL, header fields. */
export interface DescribedRequest {
  readonly method: string
  /** Host and port as in the URL, lower case. */
  readonly authority: string
  /** Port of the URL; undefined where it names none. */
  readonly port: number | undefined
  /** Path and query. */
  readonly path: string
  /** Flat list: names lower case. */
  readonly fields: readonly string[]
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** `GET http://orders/items -H 'x-env: test'`. */
export function describeRequest(method: string, url: string, headers: readonly string[]): DescribedRequest {
  if (!TOKEN.test(method)) throw usage(`"${method}" is not a method; wanted GET, POST, …`)
  let parsed: URL
  try {
    parsed = new URL(url.includes('://') ? url : `http://${url}`)
  } catch {
    throw usage(`"${url}" is not a URL; wanted http://SERVICE/PATH, such as http://orders/items`)
  }
  if (parsed.protocol !== 'http:')
    throw usage(
      `"${url}": only http:// is explained so far: inside the mesh, applications speak plain HTTP and sidecars add TLS`,
    )
  // In the forms that a sidecar reads them into before it decides.
  let authority = canonical(canonicalAuthority(parsed.host), url)
  const fields: string[] = []
  for (const header of headers) {
    const at = header.indexOf(':')
    const name = header.slice(0, Math.max(at, 0)).toLowerCase()
    if (!TOKEN.test(name)) throw usage(`-H "${header}" is not a header field; wanted NAME: VALUE`)
    if (name === 'host') authority = canonical(canonicalAuthority(header.slice(at + 1).trim()), header)
    else fields.push(name, header.slice(at + 1).trim())
  }
  const path = canonical(canonicalPath(`${parsed.pathname}${parsed.search}`), url)
  return { method, authority, port: portOf(authority), path, fields }
}

function canonical(text: string | undefined, given: string): string {
  if (text !== undefined) return text
  throw usage(`"${given}": a sidecar refuses it as malformed`)
}

const usage = (message: string): CliError => new CliError(ExitCode.usage, message)
