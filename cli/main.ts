import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import { CommanderError } from 'commander'
import { CliError, ExitCode } from './exit-code.ts'
import { buildProgram } from './program.ts'

const NODE_MAJOR = 26

// A release keeps what V8 compiled beside its bundles, where it may write there: the next start is a fifth shorter.
if (import.meta.filename.endsWith('.mjs')) enableCompileCache(join(import.meta.dirname, 'compile-cache'))

if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR) {
  console.error(`outrigger: needs Node ${NODE_MAJOR} or newer, and this is ${process.version}`)
  process.exit(ExitCode.runtime)
}

/** The one place where an error of the command becomes text and an exit code. */
try {
  await (await buildProgram(process.argv[2])).parseAsync(process.argv)
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? ExitCode.ok : ExitCode.usage
  } else if (error instanceof CliError) {
    console.error(`outrigger: ${error.message}`)
    process.exitCode = error.exitCode
  } else throw error
}
