import { request } from 'node:http'
import { formatProblem } from '../control-plane/policy/format-problem.ts'
import type { ManifestProblem } from '../control-plane/policy/manifest-problem.ts'
import { CliError, ExitCode } from './exit-code.ts'

/** What the control plane's API answers when it says no. */
interface ApiFailure {
  readonly what: string
  readonly where: string
  readonly allowed: string
  readonly problems?: readonly ManifestProblem[]
}

/** How long an answer may take: applying to a registry that is slow to agree included. */
const TIMEOUT_MS = 15_000

/** The control plane's REST API, for the command. A refusal, and a control plane that is away, become errors for a person. */
export class ApiClient {
  readonly #base: URL
  readonly #token: string | undefined

  constructor(base: string, token: string | undefined) {
    try {
      this.#base = new URL(base)
    } catch {
      throw misnamed(base)
    }
    if (this.#base.protocol !== 'http:') throw misnamed(base)
    this.#token = token
  }

  /** Sends one request, and answers the body. `body` is sent as JSON. */
  async call<T>(method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<T> {
    const { status, text } = await this.#send(method, path, body === undefined ? undefined : JSON.stringify(body))
    const value = parseJson(text)
    if (status < 400) return value as T
    const failure = (value as { error?: ApiFailure } | undefined)?.error
    throw new CliError(
      ExitCode.failed,
      failure === undefined
        ? `${method} ${path} of ${this.#base.origin} was answered with ${status}, and not as an Outrigger control plane answers: is it another program's port? It said: ${text.trim().replace(/\s+/g, ' ').slice(0, 120)}`
        : toParagraph(failure),
    )
  }

  #send(method: string, path: string, body: string | undefined): Promise<{ status: number; text: string }> {
    const headers: Record<string, string> = { accept: 'application/json' }
    if (body !== undefined) {
      headers['content-type'] = 'application/json'
      headers['content-length'] = String(Buffer.byteLength(body)) // Node sends a DELETE's body without framing else
    }
    if (this.#token !== undefined) headers['authorization'] = `Bearer ${this.#token}`
    return new Promise((resolve, reject) => {
      const sent = request(new URL(path, this.#base), { method, headers, timeout: TIMEOUT_MS }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          text += chunk
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
        response.on('error', (error) => reject(this.#unavailable(error.message)))
      })
      sent.on('timeout', () => sent.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)))
      sent.on('error', (error: NodeJS.ErrnoException) => reject(this.#unavailable(error.code ?? error.message)))
      sent.end(body)
    })
  }

  #unavailable(reason: string): CliError {
    return new CliError(
      ExitCode.unavailable,
      `Cannot reach the control plane at ${this.#base.origin}: ${reason}. Start one (outrigger up, or outrigger control-plane), or name another with --api URL`,
    )
  }
}

const misnamed = (base: string): CliError =>
  new CliError(
    ExitCode.usage,
    `--api "${base}" is not a URL that the API has; wanted http://HOST:PORT, such as http://127.0.0.1:15011`,
  )

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** One paragraph for each problem: where, what, what would be right. */
function toParagraph({ what, where, allowed, problems = [] }: ApiFailure): string {
  if (problems.length > 0)
    return `${problems.length === 1 ? 'one problem' : `${problems.length} problems`}, nothing was changed\n${problems.map(formatProblem).join('\n')}`
  return `${where === '' ? '' : `${where}: `}${what}${allowed === '' ? '' : `; allowed: ${allowed}`}`
}
