import { resolve } from 'node:path'
import type { Command } from 'commander'
import { CliError, ExitCode } from '../exit-code.ts'
import { durationArgument, flag } from '../flags.ts'
import { runUp } from '../up/main.ts'
import type { ControlPlaneSettings } from '../up/programs.ts'

interface UpFlags {
  readonly filename: string
  readonly apiPort: number
  readonly registry?: string
  readonly otlpEndpoint?: string
  readonly sampling?: number
  readonly leafLifetime?: number
  readonly jaeger?: string
  readonly logs?: boolean
}

/** The port that `--api` of other subcommands means when it is absent. */
const API_PORT = 15_011

/** `outrigger up`: a whole mesh on this machine. */
export function addUpCommand(program: Command): void {
  program
    .command('up')
    .summary('run services, sidecars and a control plane from one file')
    .description('Runs services, their sidecars and a control plane on this machine from one file, until ctrl-c.')
    .addOption(flag('-f, --filename <file>', 'mesh file').default('mesh.yaml'))
    .addOption(
      flag('--api-port <port>', 'wanted port of the REST API; another when it is in use, 0 for any')
        .argParser(Number)
        .default(API_PORT),
    )
    .addOption(flag('--registry <url>', 'embedded:PATH, or consul://HOST:PORT (default: a file in .outrigger)'))
    .addOption(flag('--otlp-endpoint <url>', 'OTLP/HTTP endpoint for traces, such as http://127.0.0.1:4318'))
    .addOption(flag('--sampling <ratio>', 'share of traces that are sampled, 0 to 1').argParser(Number))
    .addOption(flag('--leaf-lifetime <duration>', 'lifetime of workload certificates').argParser(durationArgument))
    .addOption(flag('--jaeger <url>', "Jaeger's UI, served under /jaeger of the API port"))
    .addOption(flag('--logs', 'print what the programs print'))
    .action(async (flags: UpFlags) => {
      await runUp({
        file: flags.filename,
        apiPort: toPort(flags.apiPort),
        logs: flags.logs === true,
        ...toSettings(flags),
      })
    })
}

function toPort(port: number): number {
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  throw new CliError(ExitCode.usage, `--api-port: "${port}" is not a port; wanted a number from 0 to 65535`)
}

function toSettings(flags: UpFlags): ControlPlaneSettings {
  const { registry, otlpEndpoint, sampling, leafLifetime, jaeger } = flags
  if (sampling !== undefined && !(sampling >= 0 && sampling <= 1)) {
    throw new CliError(ExitCode.usage, `--sampling: "${sampling}" is not a ratio; wanted a number from 0 to 1`)
  }
  return {
    ...(registry === undefined ? {} : { registryUrl: toAbsolute(registry) }),
    ...(otlpEndpoint === undefined ? {} : { otlpEndpoint }),
    ...(sampling === undefined ? {} : { sampling }),
    ...(leafLifetime === undefined ? {} : { leafLifetimeMs: leafLifetime }),
    ...(jaeger === undefined ? {} : { jaegerUrl: jaeger }),
  }
}

/** A path is meant from where the command was typed; the control plane runs elsewhere. */
function toAbsolute(registry: string): string {
  const path = /^embedded:(?!:)(.+)$/.exec(registry)?.[1]
  return path === undefined ? registry : `embedded:${resolve(path)}`
}
