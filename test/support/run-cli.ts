import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const CLI = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))

/** What one run of the command came to. */
export interface CliRun {
  /** −1 when it was ended by a signal. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** What a run is given besides its arguments. */
interface CliSurroundings {
  readonly cwd?: string
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Runs `outrigger` as a person does, in a process of its own, until it ends; one that would run on is ended after 15 s. */
export function runCli(args: readonly string[], { cwd, input, env = {} }: CliSurroundings = {}): Promise<CliRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', CLI, ...args], {
      ...(cwd === undefined ? {} : { cwd }),
      env: { PATH: process.env['PATH'], ...env },
      timeout: 15_000,
      killSignal: 'SIGKILL',
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString()
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ code: code ?? -1, stdout, stderr }))
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
  })
}
