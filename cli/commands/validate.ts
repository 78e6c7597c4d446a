import type { Command } from 'commander'
import { validateWorld } from '../../control-plane/compile/validate-world.ts'
import { formatProblem } from '../../control-plane/policy/format-problem.ts'
import type { ManifestProblem } from '../../control-plane/policy/manifest-problem.ts'
import { parseManifestFiles } from '../../control-plane/policy/parse-manifest-files.ts'
import { buildWorld } from '../../control-plane/world/build-world.ts'
import { type ApiFlags, toApiClient, withApiFlags } from '../api-flags.ts'
import { CliError, ExitCode } from '../exit-code.ts'
import { assertSome, type ManifestFile, readManifestFiles } from '../manifest-files.ts'
import { filenameFlag, namespaceFlag } from './apply.ts'

interface ValidateFlags extends ApiFlags {
  readonly filename: readonly string[]
  readonly namespace: string
  readonly offline?: boolean
}

interface Validated {
  readonly count: number
  readonly warnings: readonly ManifestProblem[]
}

/** `outrigger validate`: the checks of `apply` without applying. */
export function addValidateCommand(program: Command): void {
  const command = program
    .command('validate')
    .summary('check manifests without applying them')
    .description(
      'Checks manifests as apply does, against the running mesh; with --offline against nothing but each other.',
    )
    .addOption(filenameFlag().makeOptionMandatory())
    .addOption(namespaceFlag())
    .option('--offline', 'ask no control plane: services that these files do not declare count as missing')
  withApiFlags(command).action(async (flags: ValidateFlags) => {
    const files = readManifestFiles(flags.filename)
    console.log(await (flags.offline === true ? validateOffline(files, flags.namespace) : validateLive(files, flags)))
  })
}

async function validateLive(files: readonly ManifestFile[], flags: ValidateFlags): Promise<string> {
  const body = { namespace: flags.namespace, files }
  try {
    return toLines(await toApiClient(flags).call<Validated>('POST', '/v1/validate', body), files)
  } catch (error) {
    if (!(error instanceof CliError) || error.exitCode !== ExitCode.unavailable) throw error
    throw new CliError(error.exitCode, `${error.message}, or check without one with --offline`)
  }
}

/** The line to print; problems are thrown as one error. Warnings are part of the line. */
export function validateOffline(files: readonly ManifestFile[], namespace: string): string {
  const parsed = parseManifestFiles(files, namespace)
  if (!parsed.ok) throw new CliError(ExitCode.failed, parsed.error.map(formatProblem).join('\n'))
  const manifests = parsed.value
  const trust = { trustDomain: 'local.mesh', rootsPem: [], sequence: 0 }
  const found = validateWorld(buildWorld({ manifests, instances: [], trust, generation: 0 }))
  const errors = found.filter(({ severity }) => severity === 'error').map(formatProblem)
  if (errors.length > 0) throw new CliError(ExitCode.failed, errors.join('\n'))
  return toLines({ count: manifests.length, warnings: found }, files)
}

function toLines({ count, warnings }: Validated, files: readonly ManifestFile[]): string {
  assertSome(count, files)
  const first = `${count} ${count === 1 ? 'manifest is' : 'manifests are'} valid`
  return [first, ...warnings.map((warning) => `warning: ${formatProblem(warning)}`)].join('\n')
}
