import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ROOT } from '../architecture/import-graph.ts'

/** The line of JSON that the demo ends with. */
export interface DemoResult {
  readonly requests: number
  readonly unexpectedFailures: number
  readonly mtls: boolean
  readonly identities: readonly string[]
  readonly split: { readonly v1: number; readonly v2: number }
  readonly denied: number
  readonly retries: number
  readonly tracesJoined: number
  readonly seconds: number
}

const LONGEST_MS = 110_000

/** Runs the demo unattended, as `make demo ONCE=1` does. Answers its code, its output, and its last line, read. */
export function runDemo(
  args: readonly string[],
  onLine: (line: string) => void = () => undefined,
): Promise<{
  readonly code: number | string | null
  readonly output: string
  readonly result: DemoResult | undefined
}> {
  const command = [join(ROOT, 'examples/shop/demo.ts'), '--once', ...args]
  return new Promise((resolve) => {
    const child = execFile(process.execPath, command, { timeout: LONGEST_MS, cwd: ROOT }, (_, stdout, stderr) => {
      resolve({ code: child.exitCode ?? child.signalCode, output: stdout + stderr, result: readResult(stdout) })
    })
    if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', onLine)
  })
}

function readResult(stdout: string): DemoResult | undefined {
  const last = stdout.trimEnd().split('\n').at(-1) ?? ''
  return last.startsWith('{') ? (JSON.parse(last) as DemoResult) : undefined
}
