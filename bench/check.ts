import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { answering, answeringOk, askBytes, askGrpc, askHttp } from './ask.ts'
import { startBackend } from './backends/backends.ts'
import { makeCertificates } from './certificates.ts'
import type { ContestantKind, Stage, Wire } from './contestant.ts'
import { CONTESTANTS } from './contestants/contestants.ts'
import { inspect } from './inspect.ts'
import { pause, portOf } from './processes.ts'

/*
 * Whether every contestant does the work that the benchmark says it does, without a load: right answers, whole bodies,
 * HTTP/2 where it is said, rules that refuse, callers and callees that are verified. `node bench/check.ts [name …]`.
 */

/** As long as a proxy may need to see that its peer is an impostor. */
const IMPOSTOR_MS = 1_500

const directory = mkdtempSync(join(tmpdir(), 'outrigger-bench-'))
const tls = makeCertificates(join(directory, 'tls'))
const sink = await startBackend('http', directory, 1)
const names = process.argv.slice(2)
let count = 0

/** Answers with the digest of what it got, and what else a proxy could have got wrong. */
const echo = createServer(async (request, response) => {
  const hash = createHash('sha256')
  for await (const piece of request) hash.update(piece as Buffer)
  response.end(`${request.method} ${request.url} ${request.headers.host} ${hash.digest('hex')}`)
}).listen(0, '127.0.0.1')
await once(echo, 'listening')

const stageFor = (kind: ContestantKind, wire: Wire, backendPort: number, over: Partial<Stage> = {}): Stage => {
  const own = join(directory, `${kind.name}-${wire}-${count++}`)
  mkdirSync(own)
  return { directory: own, wire, backendPort, sinkPort: sink.port, core: 0, loadCore: 1, tls, ...over }
}

/** Answers as the backend would, through a pair, only with a back that the front must not trust. */
const GETS_THROUGH: Readonly<Record<Wire, (port: number) => Promise<boolean>>> = {
  http: async (port) => (await askHttp(port, 'GET', '/')).status === 200,
  grpc: async (port) => (await askGrpc(port)).grpcStatus === '0',
  tcp: async (port) => (await askBytes(port)).length > 0,
}

async function checkImpostor(kind: ContestantKind, wire: Wire, backendPort: number): Promise<void> {
  const pair = await kind.start(stageFor(kind, wire, backendPort, { tls: { ...tls, back: tls.stranger } }))
  try {
    await pause(IMPOSTOR_MS)
    const isThrough = await Promise.race([
      GETS_THROUGH[wire](pair.frontPort).catch(() => false),
      pause(IMPOSTOR_MS).then(() => false),
    ])
    assert.equal(isThrough, false, 'a callee with a certificate of another authority is trusted')
  } finally {
    await pair.stop()
  }
}

async function checkBodies(kind: ContestantKind): Promise<void> {
  const pair = await kind.start(stageFor(kind, 'http', portOf(echo)))
  try {
    await answeringOk(pair.frontPort)
    const body = randomBytes(4_096)
    const expected = `POST /a?b=c api ${createHash('sha256').update(body).digest('hex')}`
    // http2-proxy names its own target as host unless it is told otherwise; that is not what is compared.
    const { body: answer } = await askHttp(pair.frontPort, 'POST', '/a?b=c', body)
    assert.equal(answer.replace(/127\.0\.0\.1:\d+/, 'api'), expected)
  } finally {
    await pair.stop()
  }
}

async function check(kind: ContestantKind, wire: Wire, backendPort: number): Promise<void> {
  const pair = await kind.start(stageFor(kind, wire, backendPort))
  try {
    await answering(wire, pair.frontPort)
    await inspect(kind, wire, pair, tls)
  } finally {
    await pair.stop()
  }
  // Outrigger's certificates are its control plane's, and its own tests show it impostors.
  if (kind.name !== 'outrigger') await checkImpostor(kind, wire, backendPort)
  if (wire === 'http') await checkBodies(kind)
}

for (const wire of ['http', 'grpc', 'tcp'] as const) {
  const backend = wire === 'http' ? sink : await startBackend(wire, directory, 1)
  for (const kind of CONTESTANTS) {
    if (!kind.wires.includes(wire) || (names.length > 0 && !names.includes(kind.name))) continue
    const version = kind.version()
    const outcome =
      version === undefined
        ? 'not installed'
        : await check(kind, wire, backend.port).then(
            () => 'as it should be',
            (error: Error) => {
              process.exitCode = 1
              return `WRONG: ${error.message}`
            },
          )
    console.log(`${wire}: ${kind.title} ${version ?? ''}: ${outcome}`)
  }
  if (backend !== sink) await backend.stop()
}
await sink.stop()
echo.close()
rmSync(directory, { recursive: true, force: true })
