import { Command } from 'commander'
import { addSidecarCommand } from './commands/sidecar.ts'
import { addVersionCommand } from './commands/version.ts'

/** The `outrigger` command with all its subcommands: one file each. */
export function buildProgram(): Command {
  const program = new Command('outrigger')
    .description('A service mesh: mutual TLS, retries, circuit breaking, routing and traces, with every decision explained.')
    .configureHelp({ sortSubcommands: true, sortOptions: false })
    .showHelpAfterError('(add --help for the flags)')
    .exitOverride()
  addSidecarCommand(program)
  addVersionCommand(program)
  for (const command of program.commands) command.exitOverride().showHelpAfterError('(add --help for the flags)')
  return program
}
