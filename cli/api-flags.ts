import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { ApiClient } from './api-client.ts'
import { CliError, ExitCode } from './exit-code.ts'
import { flag } from './flags.ts'

/** Flags of every subcommand that talks to the control plane. */
export interface ApiFlags {
  readonly api: string
  readonly adminTokenFile?: string
}

/** Adds `--api` and `--admin-token-file`. */
export const withApiFlags = (command: Command): Command =>
  command
    .addOption(flag('--api <url>', "the control plane's REST API").default('http://127.0.0.1:15011'))
    .addOption(flag('--admin-token-file <file>', 'file with the admin token, where the API asks for one'))

/** The client that the flags describe. */
export function toApiClient({ api, adminTokenFile }: ApiFlags): ApiClient {
  if (adminTokenFile === undefined) return new ApiClient(api, undefined)
  let token: string
  try {
    token = readFileSync(adminTokenFile, 'utf8').trim()
  } catch (error) {
    throw new CliError(
      ExitCode.input,
      `Cannot read the admin token from ${adminTokenFile}: ${(error as NodeJS.ErrnoException).code}`,
    )
  }
  if (/^[\x21-\x7e]+$/.test(token)) return new ApiClient(api, token)
  throw new CliError(ExitCode.input, `${adminTokenFile} does not hold an admin token: wanted one line without blanks`)
}
