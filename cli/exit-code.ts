/** What the command's exit code says; after sysexits(3) where it has a word for it. */
export const ExitCode = {
  ok: 0,
  /** The command ran, and the answer is no: invalid manifests, a refused request. */
  failed: 1,
  /** Flags or arguments are wrong. */
  usage: 64,
  /** A file is missing or unreadable, or its content is not what it should be. */
  input: 66,
  /** A server that the command needs can't be reached. */
  unavailable: 69,
  /** Something on this machine is in the way: a port in use, say. */
  environment: 71,
  /** Node is too old (EX_CONFIG). */
  runtime: 78,
} as const
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

/** An error for the person at the terminal: one paragraph, printed without a stack. */
export class CliError extends Error {
  readonly exitCode: ExitCode
  constructor(exitCode: ExitCode, message: string) {
    super(message)
    this.exitCode = exitCode
  }
}
