import { Command } from 'commander'

type AddCommand = (program: Command) => void

/**
 * Each subcommand's file, loaded when it is the one that is run: a sidecar holds no control plane in its memory. In the
 * order of `--help`.
 */
const SUBCOMMANDS: Readonly<Record<string, () => Promise<AddCommand>>> = {
  apply: async () => (await import('./commands/apply.ts')).addApplyCommand,
  'control-plane': async () => (await import('./commands/control-plane.ts')).addControlPlaneCommand,
  delete: async () => (await import('./commands/delete.ts')).addDeleteCommand,
  explain: async () => (await import('./commands/explain.ts')).addExplainCommand,
  get: async () => (await import('./commands/get.ts')).addGetCommand,
  sidecar: async () => (await import('./commands/sidecar.ts')).addSidecarCommand,
  up: async () => (await import('./commands/up.ts')).addUpCommand,
  validate: async () => (await import('./commands/validate.ts')).addValidateCommand,
  version: async () => (await import('./commands/version.ts')).addVersionCommand,
}

/** The `outrigger` command with the subcommand `wanted`; with all of them when it is none. */
export async function buildProgram(wanted: string | undefined): Promise<Command> {
  const program = new Command('outrigger')
    .description(
      'A service mesh: mutual TLS, retries, circuit breaking, routing and traces, with every decision explained.',
    )
    .showHelpAfterError('(add --help for the flags)')
    .exitOverride()
  const known = wanted !== undefined && Object.hasOwn(SUBCOMMANDS, wanted) ? SUBCOMMANDS[wanted] : undefined
  for (const load of known === undefined ? Object.values(SUBCOMMANDS) : [known]) (await load())(program)
  for (const command of program.commands) command.exitOverride().showHelpAfterError('(add --help for the flags)')
  return program
}
