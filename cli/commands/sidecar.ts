import type { Command } from 'commander'
import type { Result } from '../../certs/result.ts'
import {
  type Address,
  type Bootstrap,
  type PlainListener,
  parseAddress,
  parseServiceName,
  parseUpstream,
  parseWorkloadName,
} from '../../sidecar/config/bootstrap.ts'
import { runSidecar } from '../../sidecar/main.ts'
import { CliError, ExitCode } from '../exit-code.ts'
import { addressArgument, addressesArgument, durationArgument, flag, listArgument } from '../flags.ts'
import { VERSION } from '../installation.ts'

interface SidecarFlags {
  readonly workload: string
  readonly serviceAccount?: string
  readonly trustDomain: string
  readonly controlPlane?: readonly Address[]
  readonly joinTokenFile?: string
  readonly bundle: string
  readonly stateDir: string
  readonly upstream?: readonly string[]
  readonly outbound?: Address
  readonly inbound?: Address
  readonly plain?: readonly string[]
  readonly advertise?: string
  readonly serve?: readonly string[]
  readonly appHost: string
  readonly label?: readonly string[]
  readonly admin: Address
  readonly probes: Address
  readonly drainDelay: number
  readonly drainTimeout: number
  readonly logLevel: string
}

const local = (port: number): Address => ({ host: '127.0.0.1', port })

/** `outrigger sidecar`: the data plane of one workload. */
export function addSidecarCommand(program: Command): void {
  program
    .command('sidecar')
    .summary('run the sidecar of one workload')
    .description(
      'Runs the sidecar of one workload: carries its traffic under mutual TLS and applies the policy that the control plane pushes.',
    )
    .addOption(flag('--workload <namespace/name>', 'the workload that it belongs to').makeOptionMandatory())
    .addOption(
      flag(
        '--service-account <name>',
        "its service account (default: the name of the first service that it serves, else the workload's)",
      ),
    )
    .addOption(flag('--trust-domain <name>', 'trust domain of the mesh').default('local.mesh'))
    .addOption(
      flag('--control-plane <host:port>', 'control plane (default: 127.0.0.1:15010); repeat for several').argParser(
        addressesArgument,
      ),
    )
    .addOption(flag('--join-token-file <file>', 'file with the join token, for the first certificate'))
    .addOption(
      flag(
        '--bundle <file>',
        'file with the roots (PEM) that the control plane is recognized by',
      ).makeOptionMandatory(),
    )
    .addOption(
      flag(
        '--state-dir <directory>',
        'keeps the certificate and the last good snapshot; memory-backed storage is best',
      ).makeOptionMandatory(),
    )
    .addOption(
      flag('--upstream <service=host:port>', 'listener for one service: orders=127.0.0.1:9101; repeatable').argParser(
        listArgument,
      ),
    )
    .addOption(
      flag('--outbound <host:port>', 'listener that finds the service by the Host field').argParser(addressArgument),
    )
    .addOption(flag('--inbound <host:port>', 'listener of the mesh link').argParser(addressArgument))
    .addOption(
      flag(
        '--plain <host:port=appPort>',
        'listener for callers without a sidecar, where a PeerAuthentication is PERMISSIVE: 0.0.0.0:9080=8080; repeatable',
      ).argParser(listArgument),
    )
    .addOption(
      flag('--advertise <host>', 'address that others reach the mesh link at (default: the one it listens on)'),
    )
    .addOption(
      flag(
        '--serve <service:port=appPort>',
        'a service that the application is an instance of: orders:80=8080; repeatable',
      ).argParser(listArgument),
    )
    .addOption(flag('--app-host <host>', 'where the application listens').default('127.0.0.1'))
    .addOption(
      flag('--label <key=value>', 'label of the workload, for policy selectors; repeatable').argParser(listArgument),
    )
    .addOption(
      flag('--admin <host:port>', 'admin port, loopback only')
        .argParser(addressArgument)
        .default(local(15_000), '127.0.0.1:15000'),
    )
    .addOption(
      flag('--probes <host:port>', '/metrics, /ready and /live')
        .argParser(addressArgument)
        .default({ host: '0.0.0.0', port: 15_020 }, '0.0.0.0:15020'),
    )
    .addOption(
      flag('--drain-delay <duration>', 'time to go on accepting after the signal to stop')
        .argParser(durationArgument)
        .default(5_000, '5s'),
    )
    .addOption(
      flag('--drain-timeout <duration>', 'time for what is in flight to finish')
        .argParser(durationArgument)
        .default(25_000, '25s'),
    )
    .addOption(
      flag('--log-level <level>', 'error, warn, info or debug')
        .choices(['error', 'warn', 'info', 'debug'])
        .default('info'),
    )
    .action(async (flags: SidecarFlags) => {
      const code = await runSidecar(toBootstrap(flags), VERSION, flags.logLevel)
      process.exitCode = code
    })
}

function toBootstrap(flags: SidecarFlags): Bootstrap {
  const [namespace = '', name = ''] = flags.workload.split('/')
  get(parseWorkloadName(flags.workload), '--workload')
  if (flags.admin.host !== '127.0.0.1' && flags.admin.host !== '::1' && flags.admin.host !== 'localhost') {
    throw new CliError(
      ExitCode.usage,
      `--admin ${flags.admin.host}:${flags.admin.port}: the admin port can change the sidecar and is for loopback only; use 127.0.0.1:PORT`,
    )
  }
  if (flags.serve !== undefined && flags.inbound === undefined)
    throw new CliError(
      ExitCode.usage,
      `--serve ${flags.serve[0]}: nobody can reach the application without a listener for mesh links; add --inbound HOST:PORT`,
    )
  const labels = Object.fromEntries((flags.label ?? []).map((text) => pairOf(text, '--label')))
  const serves = (flags.serve ?? []).map((text) => ({
    ...servedService(text, namespace),
    protocol: 'auto' as const,
    labels,
  }))
  return {
    workload: flags.workload,
    // The account that may serve a service without further ado has the service's name.
    serviceAccount: flags.serviceAccount ?? serves[0]?.service.split('/')[1] ?? name,
    trustDomain: flags.trustDomain,
    controlPlanes: flags.controlPlane ?? [local(15_010)],
    joinTokenFile: flags.joinTokenFile,
    bundleFile: flags.bundle,
    stateDirectory: flags.stateDir,
    upstreams: (flags.upstream ?? []).map((text) => get(parseUpstream(text, namespace), '--upstream')),
    outbound: flags.outbound,
    serves,
    appHost: flags.appHost,
    inbound: flags.inbound,
    plain: (flags.plain ?? []).map(plainListener),
    advertiseHost: flags.advertise,
    admin: flags.admin,
    probes: flags.probes,
    drainDelayMs: flags.drainDelay,
    drainTimeoutMs: flags.drainTimeout,
    recentDecisionCount: 200,
  }
}

/** `0.0.0.0:9080=8080`. */
function plainListener(text: string): PlainListener {
  const [listen, target] = pairOf(text, '--plain')
  return { listen: get(parseAddress(listen), '--plain'), appPort: portOf(target, `--plain "${text}"`) }
}

/** `orders:80=8080` or `orders=8080` (port 80). */
function servedService(
  text: string,
  namespace: string,
): { readonly service: string; readonly port: number; readonly appPort: number } {
  const [name, target] = pairOf(text, '--serve')
  const [service = '', portText = '80'] = name.split(':')
  return {
    service: get(parseServiceName(service, namespace), '--serve'),
    port: portOf(portText, `--serve "${text}"`),
    appPort: portOf(target, `--serve "${text}"`),
  }
}

function portOf(text: string, where: string): number {
  const port = Number(text)
  if (Number.isInteger(port) && port > 0 && port <= 65_535) return port
  throw new CliError(
    ExitCode.usage,
    `${where}: "${text}" is not a port; wanted a number from 1 to 65535, as in --serve orders:80=8080`,
  )
}

function pairOf(text: string, name: string): [string, string] {
  const at = text.indexOf('=')
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)]
  throw new CliError(ExitCode.usage, `${name} "${text}": there is no "=" in it; see outrigger sidecar --help`)
}

function get<T>(result: Result<T, string>, name: string): T {
  if (result.ok) return result.value
  throw new CliError(ExitCode.usage, `${name}: ${result.error}`)
}
