import type { Command } from 'commander'
import { formatProblem } from '../../control-plane/policy/format-problem.ts'
import type { ManifestProblem } from '../../control-plane/policy/manifest-problem.ts'
import { type ApiFlags, toApiClient, withApiFlags } from '../api-flags.ts'
import { flag, listArgument } from '../flags.ts'
import { assertSome, readManifestFiles } from '../manifest-files.ts'

interface ApplyFlags extends ApiFlags {
  readonly filename: readonly string[]
  readonly namespace: string
}

interface Applied {
  readonly results: readonly {
    readonly kind: string
    readonly namespace: string
    readonly name: string
    readonly change: string
  }[]
  readonly warnings: readonly ManifestProblem[]
}

/** `outrigger apply`: all of the given manifests, or none. */
export function addApplyCommand(program: Command): void {
  const command = program
    .command('apply')
    .summary('apply manifests to the mesh')
    .description('Applies manifests: all of them are checked first, and all are stored at once or none is.')
    .addOption(filenameFlag().makeOptionMandatory())
    .addOption(namespaceFlag())
  withApiFlags(command).action(async (flags: ApplyFlags) => {
    const files = readManifestFiles(flags.filename)
    const { results, warnings } = await toApiClient(flags).call<Applied>('PUT', '/v1/manifests', {
      namespace: flags.namespace,
      files,
    })
    assertSome(results.length, files)
    for (const { kind, namespace, name, change } of results)
      console.log(`${kind} ${namespace === '' ? name : `${namespace}/${name}`} ${change}`)
    for (const warning of warnings) console.log(`warning: ${formatProblem(warning)}`)
  })
}

/** `-f`, repeatable. */
export const filenameFlag = (): ReturnType<typeof flag> =>
  flag('-f, --filename <file>', 'file, folder, or - for standard input; repeatable').argParser(listArgument)

/** `-n`: namespace of what names none. */
export const namespaceFlag = (): ReturnType<typeof flag> =>
  flag('-n, --namespace <name>', 'namespace of manifests that name none').default('default')
