import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo, Socket } from 'node:net'
import test from 'ava'
import { startTestMesh } from '../support/mesh.ts'
import { rawExchange } from '../support/raw-exchange.ts'
import { LEGAL_REQUESTS, type LegalRequest } from './legal-requests.ts'
import { differingFacts, type MessageFacts, readFacts } from './message-facts.ts'

/** It has no exports that an import would find. */
const { web } = createRequire(import.meta.url)('http2-proxy') as typeof import('http2-proxy')

/** Where the sidecars and `http2-proxy` differ in what the application sees, and why. */
const REQUEST_DIFFERENCES: Readonly<Record<string, string>> = {
  connection: 'its agent of node:http says keep-alive; HTTP/1.1 means it without a word',
  expect: 'a hop answers 100-continue itself (RFC 9110 §10.1.1); it tells the next, too',
  forwarded: 'it writes RFC 7239; who called is in x-forwarded-client-cert, proven',
  host: 'it asks for the address that it was given; a sidecar keeps the authority (RFC 9112 §3.2.2)',
  te: 'a sidecar carries trailers and says so; it does not',
  traceparent: 'every exchange has a trace',
  trailer: 'it drops the announcement of trailers',
  'trailer x-sum': 'it drops the trailers of requests',
  'x-forwarded-client-cert': 'the identity of the caller',
  'x-outrigger-hops': 'loops end',
  'x-own': 'it joins the values of a field that comes twice with a comma; a sidecar keeps the lines',
}
/** … and in what the caller gets. */
const ANSWER_DIFFERENCES: Readonly<Record<string, string>> = {
  date: 'node:http adds it; only who makes an answer does (RFC 9110 §6.6.1)',
  trailer: 'it drops the announcement of trailers',
}

/** The one application of both, which answers as the request that is tried wants it. */
class Application {
  answer = ''
  /** Octets of the request that came last. */
  seen = ''

  readonly serve = (socket: Socket): void => {
    let octets = ''
    socket.on('data', (chunk: Buffer) => {
      octets += chunk.toString('latin1')
      if (!isWhole(octets)) return
      this.seen = octets
      octets = ''
      socket.write(this.answer, 'latin1')
    })
  }
}

/** Whether a request, written by a proxy, has ended. */
function isWhole(octets: string): boolean {
  const headEnd = octets.indexOf('\r\n\r\n')
  if (headEnd < 0) return false
  const head = octets.slice(0, headEnd + 2).toLowerCase()
  const body = octets.slice(headEnd + 4)
  if (head.includes('\r\ntransfer-encoding: chunked\r\n')) return /(^|\r\n)0\r\n(.*\r\n)*\r\n$/.test(body)
  return body.length >= Number(/\r\ncontent-length: (\d+)\r\n/.exec(head)?.[1] ?? 0)
}

/** What both ends of a proxy saw of one exchange. */
interface BothEnds {
  readonly request: MessageFacts
  readonly answer: MessageFacts
}

async function pass(application: Application, port: number, legal: LegalRequest): Promise<BothEnds> {
  application.answer = legal.answer
  application.seen = ''
  const octets = await rawExchange(port, Buffer.from(legal.octets, 'latin1'), () => false)
  const interim = 'HTTP/1.1 100 Continue\r\n\r\n'
  const hasInterim = octets.startsWith(interim)
  const answer = readFacts(hasInterim ? octets.slice(interim.length) : octets)
  return { request: readFacts(application.seen), answer: { ...answer, interim: String(hasInterim) } }
}

test('legal requests and their answers pass the sidecars as they pass http2-proxy, but for what is explained', async (t) => {
  const application = new Application()
  await using mesh = await startTestMesh({ services: { orders: { raw: application.serve } }, callers: ['web'] })
  const hostname = '127.0.0.1'
  const backend = mesh.workload('orders').app?.port ?? 0
  const other = createServer((request, response) => {
    Promise.resolve(web(request, response, { hostname, port: backend })).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => other.listen(0, hostname, resolve))
  try {
    const found = { request: new Set<string>(), answer: new Set<string>() }
    for (const legal of LEGAL_REQUESTS) {
      const theirs = await pass(application, (other.address() as AddressInfo).port, legal)
      const ours = await pass(application, mesh.workload('web').portFor('orders'), legal)
      for (const end of ['request', 'answer'] as const) {
        for (const name of differingFacts(ours[end], theirs[end])) found[end].add(name)
      }
    }
    t.log(
      `${LEGAL_REQUESTS.length} requests through both, ${found.request.size + found.answer.size} differences explained`,
    )
    assert.deepEqual([...found.request].sort(), Object.keys(REQUEST_DIFFERENCES).sort())
    assert.deepEqual([...found.answer].sort(), Object.keys(ANSWER_DIFFERENCES).sort())
    t.pass()
  } finally {
    other.closeAllConnections()
    other.close()
  }
})
