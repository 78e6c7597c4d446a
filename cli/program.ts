import { Command } from 'commander'
import { addApplyCommand } from './commands/apply.ts'
import { addControlPlaneCommand } from './commands/control-plane.ts'
import { addDeleteCommand } from './commands/delete.ts'
import { addExplainCommand } from './commands/explain.ts'
import { addGetCommand } from './commands/get.ts'
import { addSidecarCommand } from './commands/sidecar.ts'
import { addUpCommand } from './commands/up.ts'
import { addValidateCommand } from './commands/validate.ts'
import { addVersionCommand } from './commands/version.ts'

const SUBCOMMANDS = [
  addControlPlaneCommand,
  addSidecarCommand,
  addApplyCommand,
  addGetCommand,
  addDeleteCommand,
  addUpCommand,
  addValidateCommand,
  addExplainCommand,
  addVersionCommand,
]

/** The `outrigger` command with all its subcommands: one file each. */
export function buildProgram(): Command {
  const program = new Command('outrigger')
    .description(
      'A service mesh: mutual TLS, retries, circuit breaking, routing and traces, with every decision explained.',
    )
    .configureHelp({ sortSubcommands: true })
    .showHelpAfterError('(add --help for the flags)')
    .exitOverride()
  for (const add of SUBCOMMANDS) add(program)
  for (const command of program.commands) command.exitOverride().showHelpAfterError('(add --help for the flags)')
  return program
}
