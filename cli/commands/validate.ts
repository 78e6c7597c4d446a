import type { Command } from 'commander'
import { validateWorld } from '../../control-plane/compile/validate-world.ts'
import { formatProblem } from '../../control-plane/policy/format-problem.ts'
import type { Manifest } from '../../control-plane/policy/manifest.ts'
import { manifestKey, refOf } from '../../control-plane/policy/manifest.ts'
import { parseManifests } from '../../control-plane/policy/parse-manifests.ts'
import { buildWorld } from '../../control-plane/world/build-world.ts'
import { type ApiFlags, toApiClient, withApiFlags } from '../api-flags.ts'
import { CliError, ExitCode } from '../exit-code.ts'
import { type ManifestFile, readManifestFiles } from '../manifest-files.ts'
import { filenameFlag, namespaceFlag } from './apply.ts'

interface ValidateFlags extends ApiFlags {
  readonly filename: readonly string[]
  readonly namespace: string
  readonly offline?: boolean
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
    const { count } = await toApiClient(flags).call<{ count: number }>('POST', '/v1/validate', body)
    return `${count} ${count === 1 ? 'manifest is' : 'manifests are'} valid`
  } catch (error) {
    if (!(error instanceof CliError) || error.exitCode !== ExitCode.unavailable) throw error
    throw new CliError(error.exitCode, `${error.message}, or check without one with --offline`)
  }
}

/** The line to print; problems are thrown as one error. Warnings are part of the line. */
export function validateOffline(files: readonly ManifestFile[], namespace: string): string {
  const manifests: Manifest[] = []
  const problems: string[] = []
  for (const { name, text } of files) {
    const parsed = parseManifests(text, name, namespace)
    if (parsed.ok) manifests.push(...parsed.value)
    else problems.push(...parsed.error.map(formatProblem))
  }
  const warnings: string[] = []
  if (problems.length === 0) {
    for (const key of repeated(manifests)) problems.push(`${key}: two documents have this kind and name; keep one`)
    const world = buildWorld({
      manifests,
      instances: [],
      trust: { trustDomain: 'local.mesh', rootsPem: [], sequence: 0 },
      generation: 0,
    })
    for (const problem of validateWorld(world))
      (problem.severity === 'error' ? problems : warnings).push(formatProblem(problem))
  }
  if (problems.length > 0) throw new CliError(ExitCode.failed, problems.join('\n'))
  return [
    `${manifests.length} ${manifests.length === 1 ? 'manifest is' : 'manifests are'} valid`,
    ...warnings.map((warning) => `warning: ${warning}`),
  ].join('\n')
}

function repeated(manifests: readonly Manifest[]): string[] {
  const keys = manifests.map((manifest) => manifestKey(refOf(manifest)))
  return keys.filter((key, at) => keys.indexOf(key) < at)
}
