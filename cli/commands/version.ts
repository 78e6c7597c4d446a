import type { Command } from 'commander'
import { VERSION } from '../installation.ts'

/** `outrigger version`. */
export function addVersionCommand(program: Command): void {
  program
    .command('version')
    .summary('print the version')
    .description('Prints the version of Outrigger and of the Node that runs it.')
    .option('--json', 'as JSON')
    .action((flags: { readonly json?: boolean }) => {
      const version = { outrigger: VERSION, node: process.versions.node }
      console.log(
        flags.json === true ? JSON.stringify(version) : `outrigger ${version.outrigger} (Node ${version.node})`,
      )
    })
}
