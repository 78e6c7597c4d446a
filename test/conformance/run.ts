import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { startTestMesh } from '../support/mesh.ts'

/** What `make conformance` runs: name, test file or folder. */
const SUITES: readonly (readonly [name: string, path: string])[] = [
  ['h2spec, server', 'test/conformance/h2spec/server.test.ts'],
  ['h2spec, client', 'test/conformance/h2spec/client.test.ts'],
  ['RFC 7541, appendix C', 'test/conformance/hpack/rfc7541-appendix-c.test.ts'],
  ['HPACK against node:http2', 'test/conformance/hpack/differential.test.ts'],
  ['HTTP/1.1, as server', 'test/conformance/http1/server.test.ts'],
  ['HTTP/1.1, as client', 'test/conformance/http1/client.test.ts'],
  ['gRPC interoperability', 'test/conformance/grpc/interop.test.ts'],
  ['gRPC, negative HTTP/2', 'test/conformance/grpc/negative-http2.test.ts'],
  ['RFC 6455 by ws', 'test/conformance/websocket/rfc6455.test.ts'],
  ['socket.io', 'test/conformance/websocket/socket-io.test.ts'],
  ['smuggling against real servers', 'test/differential/smuggling.test.ts'],
  ['legal requests beside http2-proxy', 'test/differential/legal-requests.test.ts'],
]

/** What became of a suite. */
interface Outcome {
  readonly passed: number
  readonly failed: number
  /** Titles of tests that were left out; they say what is absent. */
  readonly skipped: readonly string[]
  /** What its tests had to say: a seed, a count. */
  readonly notes: readonly string[]
}

/** Runs a command and gives its lines and its exit code; `undefined` when there is no such command. */
function run(command: string, args: readonly string[]): Promise<{ lines: string[]; code: number | null } | undefined> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  return new Promise((resolve, reject) => {
    child.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? resolve(undefined) : reject(error)))
    child.on('close', (code) => resolve({ lines, code }))
  })
}

/** Runs the tests of `path`; what does not pass is printed in full. A suite without tests has failed; one whose tests are all skipped has not. */
async function runSuite(path: string): Promise<Outcome> {
  const { lines, code } = (await run('ava', ['--tap', path])) ?? { lines: ['ava is not installed'], code: 1 }
  const skipped = lines.flatMap((line) => /^ok \d+ - (.*) # SKIP$/.exec(line)?.[1] ?? [])
  const passed = lines.filter((line) => line.startsWith('ok ')).length - skipped.length
  const failed = lines.filter((line) => line.startsWith('not ok ')).length
  const notes = lines.flatMap((line) => /^# {3}(.*)$/.exec(line)?.[1] ?? [])
  if (failed > 0 || code !== 0 || passed + skipped.length === 0) {
    console.log(lines.filter((line) => !line.startsWith('ok ')).join('\n'))
    return { passed, failed: Math.max(failed, 1), skipped, notes }
  }
  return { passed, failed, skipped, notes }
}

/**
 * All that the original has, but `http2/3.5/2`: what is no preface is no HTTP/2 for a port that speaks HTTP/1.1 too. It is
 * answered 400 and closed, as our own port of the case sees, and the original cannot read.
 */
const ORIGINAL_SECTIONS = [
  ...['generic', 'http2/3.5/1', 'http2/4', 'http2/5', 'http2/6', 'http2/7', 'http2/8', 'hpack'],
] as const

/** The original, where it is installed: its cases against the listener of a sidecar. */
async function runOriginal(): Promise<Outcome | undefined> {
  if ((await run('h2spec', ['--version'])) === undefined) return undefined
  await using mesh = await startTestMesh({
    services: { orders: (_request, response) => void response.end('hello, this is more than five octets') },
    callers: ['web'],
  })
  const port = mesh.workload('web').portFor('orders')
  const args = ['-h', '127.0.0.1', '-p', `${port}`, '-o', '10', '-S', ...ORIGINAL_SECTIONS]
  const lines = (await run('h2spec', args))?.lines ?? []
  const [, passed = 0, skipped = 0, failed = 1] =
    /(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed/
      .exec(lines.at(-1) ?? '')
      ?.slice(1)
      .map(Number) ?? []
  if (failed > 0) console.log(lines.slice(lines.indexOf('Failures: ')).join('\n'))
  return { passed, failed, skipped: new Array(skipped).fill('by the original'), notes: ['without http2/3.5/2'] }
}

const show = (name: string, { passed, failed, skipped, notes }: Outcome): void => {
  const extra = notes.length > 0 ? ` (${notes.join(', ')})` : ''
  const others = [
    ...(failed > 0 ? [`${failed} FAILED`] : []),
    ...(skipped.length > 0 ? [`${skipped.length} skipped`] : []),
  ]
  console.log(`${name}: ${[`${passed} passed`, ...others].join(', ')}${extra}`)
  for (const title of skipped) console.log(`  skipped: ${title}`)
}

let failed = 0
let passed = 0
let skipped = 0
for (const [name, path] of SUITES) {
  const outcome = await runSuite(path)
  show(name, outcome)
  failed += outcome.failed
  passed += outcome.passed
  skipped += outcome.skipped.length
}
const original = await runOriginal()
if (original === undefined) console.log('h2spec, the original: skipped, it is not installed')
else {
  show('h2spec, the original', original)
  failed += original.failed
  passed += original.passed
  skipped += original.skipped.length
}
console.log(`conformance: ${passed} passed, ${failed} failed, ${skipped} skipped`)
process.exitCode = failed > 0 ? 1 : 0
