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

const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** `GET http://orders/items -H 'x-env: test'`. */
export function describeRequest(method: string, url: string, headers: readonly string[]): DescribedRequest {
  if (!METHOD.test(method)) throw usage(`"${method}" is not a method; wanted GET, POST, …`)
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
  const fields: string[] = []
  for (const header of headers) {
    const at = header.indexOf(':')
    if (at <= 0) throw usage(`-H "${header}" is not a header field; wanted NAME: VALUE`)
    fields.push(header.slice(0, at).trim().toLowerCase(), header.slice(at + 1).trim())
  }
  return {
    method,
    authority: parsed.host.toLowerCase(),
    port: parsed.port === '' ? undefined : Number(parsed.port),
    path: `${parsed.pathname}${parsed.search}`,
    fields,
  }
}

const usage = (message: string): CliError => new CliError(ExitCode.usage, message)
