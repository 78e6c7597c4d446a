import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { ControlPlaneOptions } from '../../control-plane/control-plane-options.ts'
import { runControlPlane } from '../../control-plane/main.ts'
import type { Address } from '../../sidecar/config/bootstrap.ts'
import { CliError, ExitCode } from '../exit-code.ts'
import { addressArgument, durationArgument, flag, listArgument } from '../flags.ts'
import { VERSION } from '../installation.ts'

interface ControlPlaneFlags {
  readonly registry: string
  readonly consulTokenFile?: string
  readonly mesh: string
  readonly trustDomain: string
  readonly dataDir: string
  readonly sealKeyFile?: string
  readonly apiHostName?: readonly string[]
  readonly listen: Address
  readonly apiListen: Address
  readonly adminTokenFile?: string
  readonly leafLifetime: number
  readonly sampling: number
  readonly otlpEndpoint?: string
  readonly accessLog: 'off' | 'errors' | 'all'
  readonly jaeger?: string
  readonly logLevel: string
}

/** `outrigger control-plane`: compiles policy, issues certificates, pushes both. */
export function addControlPlaneCommand(program: Command): void {
  program
    .command('control-plane')
    .summary('run a control plane')
    .description(
      'Runs a control plane: compiles policy, issues certificates, and pushes both to the sidecars. Run several on one Consul for availability.',
    )
    .addOption(
      flag('--registry <url>', 'embedded:PATH, or consul://HOST:PORT').default('embedded:.outrigger/registry.db'),
    )
    .addOption(flag('--consul-token-file <file>', 'file with the Consul ACL token'))
    .addOption(flag('--mesh <name>', 'name of the mesh: several can share one registry').default('default'))
    .addOption(flag('--trust-domain <name>', 'trust domain, fixed when the mesh is created').default('local.mesh'))
    .addOption(flag('--data-dir <directory>', 'holds the seal key and the root bundle').default('.outrigger'))
    .addOption(
      flag(
        '--api-host-name <name>',
        'a DNS name that the API is called by; others are refused, so that no web page reaches it (DNS rebinding); repeatable',
      ).argParser(listArgument),
    )
    .addOption(
      flag(
        '--seal-key-file <file>',
        'key that seals private keys in the registry; replicas share it (default: in the data directory)',
      ),
    )
    .addOption(
      flag('--listen <host:port>', 'port for sidecars')
        .argParser(addressArgument)
        .default({ host: '127.0.0.1', port: 15_010 }, '127.0.0.1:15010'),
    )
    .addOption(
      flag('--api-listen <host:port>', 'REST API')
        .argParser(addressArgument)
        .default({ host: '127.0.0.1', port: 15_011 }, '127.0.0.1:15011'),
    )
    .addOption(
      flag(
        '--admin-token-file <file>',
        'file with the token that the API asks for; required where it is not on loopback',
      ),
    )
    .addOption(
      flag('--leaf-lifetime <duration>', 'lifetime of workload certificates')
        .argParser(durationArgument)
        .default(86_400_000, '24h'),
    )
    .addOption(
      flag('--sampling <ratio>', 'share of traces that are sampled where MeshConfig says nothing')
        .argParser(Number)
        .default(0.01),
    )
    .addOption(flag('--otlp-endpoint <url>', 'OTLP/HTTP endpoint for traces, such as http://127.0.0.1:4318'))
    .addOption(
      flag('--access-log <mode>', 'off, errors or all, where MeshConfig says nothing')
        .choices(['off', 'errors', 'all'])
        .default('errors'),
    )
    .addOption(flag('--jaeger <url>', "Jaeger's UI, served under /jaeger of the API port"))
    .addOption(
      flag('--log-level <level>', 'error, warn, info or debug')
        .choices(['error', 'warn', 'info', 'debug'])
        .default('info'),
    )
    .action(async (flags: ControlPlaneFlags) => {
      process.exitCode = await runControlPlane(toOptions(flags), VERSION, flags.logLevel)
    })
}

function toOptions(flags: ControlPlaneFlags): ControlPlaneOptions {
  if (!(flags.sampling >= 0 && flags.sampling <= 1)) {
    throw new CliError(
      ExitCode.usage,
      `--sampling: "${flags.sampling}" is not a ratio; wanted a number from 0 to 1, such as 0.01`,
    )
  }
  return {
    registryUrl: flags.registry,
    mesh: flags.mesh,
    trustDomain: flags.trustDomain,
    dataDirectory: flags.dataDir,
    push: flags.listen,
    api: flags.apiListen,
    leafLifetimeMs: flags.leafLifetime,
    telemetry: { samplingRatio: flags.sampling, otlpEndpoint: flags.otlpEndpoint, accessLog: flags.accessLog },
    ...(flags.apiHostName === undefined ? {} : { apiHostNames: flags.apiHostName }),
    ...(flags.sealKeyFile === undefined ? {} : { sealKeyFile: flags.sealKeyFile }),
    ...(flags.jaeger === undefined ? {} : { jaegerUrl: flags.jaeger }),
    ...(flags.otlpEndpoint === undefined ? {} : { otlpEndpoint: flags.otlpEndpoint }),
    ...secret(flags.consulTokenFile, 'consulToken'),
    ...secret(flags.adminTokenFile, 'adminToken'),
  }
}

function secret<K extends string>(file: string | undefined, key: K): { readonly [P in K]?: string } {
  if (file === undefined) return {}
  let text: string
  try {
    text = readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new CliError(ExitCode.input, `Cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`)
  }
  if (text === '') throw new CliError(ExitCode.input, `${file} is empty: expected a token in it`)
  return { [key]: text } as { readonly [P in K]?: string }
}
