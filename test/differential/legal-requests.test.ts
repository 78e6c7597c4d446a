import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo, Socket } from 'node:net'
import test from 'ava'
import { startTestMesh } from '../support/mesh.ts'
import { rawExchange } from '../support/raw-exchange.ts'
import { ABSENT, AS_SENT, always, type Explanation, unexplained } from './explained-differences.ts'
import { LEGAL_REQUESTS, type LegalRequest } from './legal-requests.ts'
import { type Message, readMessage } from './read-message.ts'

/** It has no exports that an import would find. */
const { web } = createRequire(import.meta.url)('http2-proxy') as typeof import('http2-proxy')

const IDENTITY = 'spiffe://mesh.test/ns/shop/sa'
/** A field that comes twice: it joins the values with a comma, a sidecar keeps the lines. */
const TWICE: Explanation = {
  why: 'a list may be written both ways (RFC 9110 §5.3)',
  ours: AS_SENT,
  theirs: (sent) => (sent.length > 1 ? [sent.join(', ')] : sent),
}
const FRAMING: Explanation = { why: 'it is each hop’s own; a sidecar says it last', ours: AS_SENT, theirs: AS_SENT }
const NO_ANNOUNCEMENT: Explanation = { why: 'it drops the announcement of trailers', ours: AS_SENT, theirs: ABSENT }

/** Where the sidecars and `http2-proxy` differ in what the application sees, and why. */
const REQUEST_DIFFERENCES: Readonly<Record<string, Explanation>> = {
  connection: {
    why: 'its agent of node:http says keep-alive; HTTP/1.1 means it without a word',
    ours: ABSENT,
    theirs: always('keep-alive'),
  },
  'content-length': FRAMING,
  expect: {
    why: 'a hop answers 100-continue itself (RFC 9110 §10.1.1); it tells the next, too',
    ours: ABSENT,
    theirs: AS_SENT,
  },
  forwarded: {
    why: 'it writes RFC 7239; who called is in x-forwarded-client-cert, proven',
    ours: AS_SENT,
    theirs: always(/^by="127\.0\.0\.1:\d+";for="127\.0\.0\.1:\d+";proto=http;host=orders$/),
  },
  host: {
    why: 'it asks for the address that it was given; a sidecar keeps the authority (RFC 9112 §3.2.2)',
    ours: AS_SENT,
    theirs: always(/^127\.0\.0\.1:\d+$/),
  },
  te: { why: 'a sidecar carries trailers and says so; it does not', ours: AS_SENT, theirs: ABSENT },
  traceparent: {
    why: 'every exchange has a trace',
    ours: always(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$/),
    theirs: ABSENT,
  },
  trailer: NO_ANNOUNCEMENT,
  'trailer x-sum': { why: 'it drops the trailers of requests', ours: AS_SENT, theirs: ABSENT },
  'x-forwarded-client-cert': {
    why: 'the identity of the caller',
    ours: always(`By=${IDENTITY}/orders;URI=${IDENTITY}/web`),
    theirs: ABSENT,
  },
  'x-outrigger-hops': { why: 'loops end', ours: always('1'), theirs: ABSENT },
  'x-own': TWICE,
}
/** … and in what the caller gets. */
const ANSWER_DIFFERENCES: Readonly<Record<string, Explanation>> = {
  connection: {
    why: 'the caller asked for it; node:http says it before transfer-encoding',
    ours: always('close'),
    theirs: always('close'),
  },
  'content-length': FRAMING,
  date: {
    why: 'node:http adds it; only who makes an answer does (RFC 9110 §6.6.1)',
    ours: AS_SENT,
    theirs: always(/ GMT$/),
  },
  'set-cookie': { why: 'it gathers the lines of one name, in their order', ours: AS_SENT, theirs: AS_SENT },
  trailer: NO_ANNOUNCEMENT,
  'x-own': TWICE,
}

const DIFFERENCES = { request: REQUEST_DIFFERENCES, answer: ANSWER_DIFFERENCES }

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
  readonly request: Message
  readonly answer: Message
}

async function pass(application: Application, port: number, legal: LegalRequest): Promise<BothEnds> {
  application.answer = legal.answer
  application.seen = ''
  const octets = await rawExchange(port, Buffer.from(legal.octets, 'latin1'), () => false)
  const interim = 'HTTP/1.1 100 Continue\r\n\r\n'
  const hasInterim = octets.startsWith(interim)
  const answer = readMessage(hasInterim ? octets.slice(interim.length) : octets)
  return { request: readMessage(application.seen), answer: [['interim', `${hasInterim}`], ...answer] }
}

test('legal requests and their answers pass the sidecars as they pass http2-proxy, in names, values and order, but for what is explained', async (t) => {
  const application = new Application()
  await using mesh = await startTestMesh({ services: { orders: { raw: application.serve } }, callers: ['web'] })
  const hostname = '127.0.0.1'
  const backend = mesh.workload('orders').app?.port ?? 0
  const other = createServer((request, response) => {
    Promise.resolve(web(request, response, { hostname, port: backend })).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => other.listen(0, hostname, resolve))
  try {
    const used = { request: new Set<string>(), answer: new Set<string>() }
    const problems: string[] = []
    for (const legal of LEGAL_REQUESTS) {
      const theirs = await pass(application, (other.address() as AddressInfo).port, legal)
      const ours = await pass(application, mesh.workload('web').portFor('orders'), legal)
      const sent = { request: readMessage(legal.octets), answer: readMessage(legal.answer) }
      for (const end of ['request', 'answer'] as const) {
        const passage = { sent: sent[end], ours: ours[end], theirs: theirs[end] }
        for (const problem of unexplained(passage, DIFFERENCES[end], used[end]))
          problems.push(`${legal.name}, ${end}: ${problem}`)
      }
    }
    const count = used.request.size + used.answer.size
    t.log(`${LEGAL_REQUESTS.length} requests through both, ${count} differences explained`)
    assert.deepEqual(problems, [])
    for (const end of ['request', 'answer'] as const)
      assert.deepEqual([...used[end]].sort(), Object.keys(DIFFERENCES[end]).sort(), 'what is explained differs')
  } finally {
    other.closeAllConnections()
    other.close()
  }
})
