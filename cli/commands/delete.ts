import type { Command } from 'commander'
import { type ApiFlags, toApiClient, withApiFlags } from '../api-flags.ts'
import { CliError, ExitCode } from '../exit-code.ts'
import { toKind } from '../kind-names.ts'
import { assertSome, readManifestFiles } from '../manifest-files.ts'
import { filenameFlag, namespaceFlag } from './apply.ts'

interface DeleteFlags extends ApiFlags {
  readonly filename?: readonly string[]
  readonly namespace: string
}

interface Deleted {
  readonly results: readonly {
    readonly kind: string
    readonly namespace: string
    readonly name: string
    readonly change: string
  }[]
}

/** `outrigger delete`: by kind and name, or by the files that were applied. */
export function addDeleteCommand(program: Command): void {
  const command = program
    .command('delete')
    .summary('delete manifests from the mesh')
    .description('Deletes manifests: `outrigger delete httproute orders -n shop`, or those in files with -f.')
    .argument('[kind]', 'kind of the manifest, such as httproute')
    .argument('[name]', 'its name')
    .addOption(filenameFlag())
    .addOption(namespaceFlag())
  withApiFlags(command).action(async (kind: string | undefined, name: string | undefined, flags: DeleteFlags) => {
    const client = toApiClient(flags)
    if (flags.filename !== undefined) {
      if (kind !== undefined)
        throw new CliError(ExitCode.usage, `delete ${kind}, or the files of -f (OUTRIGGER_FILENAME)? Give one of them`)
      const files = readManifestFiles(flags.filename)
      const deleted = await client.call<Deleted>('DELETE', '/v1/manifests', { namespace: flags.namespace, files })
      assertSome(deleted.results.length, files)
      return print(deleted)
    }
    if (kind === undefined || name === undefined)
      throw new CliError(ExitCode.usage, 'delete what? Give KIND and NAME, or files with -f')
    const known = toKind(kind)
    const names = known === 'MeshConfig' ? [known, name] : [known, flags.namespace, name]
    print(await client.call<Deleted>('DELETE', `/v1/manifests/${names.map(encodeURIComponent).join('/')}`))
  })
}

function print({ results }: Deleted): void {
  for (const { kind, namespace, name, change } of results)
    console.log(`${kind} ${namespace === '' ? name : `${namespace}/${name}`} ${change}`)
}
