import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { buildProgram } from '../../../cli/program.ts'
import { ROOT } from '../../architecture/import-graph.ts'
import { temporaryFolder } from '../../integration/control-plane/fixture.ts'
import { runCli } from '../../support/run-cli.ts'

/** Flags that people and scripts rely on; one that goes, or is named otherwise, is missed here. New ones need no entry. */
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  apply: ['--filename', '--namespace', '--api', '--admin-token-file'],
  'control-plane': [
    '--registry',
    '--consul-token-file',
    '--mesh',
    '--trust-domain',
    '--data-dir',
    '--seal-key-file',
    '--listen',
    '--api-listen',
    '--admin-token-file',
    '--leaf-lifetime',
    '--sampling',
    '--otlp-endpoint',
    '--access-log',
    '--jaeger',
    '--log-level',
  ],
  delete: ['--filename', '--namespace', '--api', '--admin-token-file'],
  explain: ['--from', '--header', '--namespace', '--seed', '--json', '--api', '--admin-token-file'],
  get: ['--namespace', '--output', '--api', '--admin-token-file'],
  sidecar: [
    '--workload',
    '--service-account',
    '--trust-domain',
    '--control-plane',
    '--join-token-file',
    '--bundle',
    '--state-dir',
    '--upstream',
    '--outbound',
    '--inbound',
    '--advertise',
    '--serve',
    '--app-host',
    '--label',
    '--admin',
    '--probes',
    '--drain-delay',
    '--drain-timeout',
    '--log-level',
  ],
  up: [
    '--filename',
    '--api-port',
    '--registry',
    '--otlp-endpoint',
    '--sampling',
    '--leaf-lifetime',
    '--jaeger',
    '--logs',
  ],
  validate: ['--filename', '--namespace', '--offline', '--api', '--admin-token-file'],
  version: ['--json'],
}

/** Flags that say what is wanted this one time: the environment does not set them. */
const NOT_BY_ENVIRONMENT: readonly string[] = [
  '--from',
  '--header',
  '--seed',
  '--json',
  '--offline',
  'explain --namespace',
  'get --namespace',
]

/** The options of a help text: each flag, and what is said of it. */
function readOptions(help: string): Map<string, string> {
  const options = new Map<string, string>()
  let flag = ''
  for (const line of help.slice(help.indexOf('Options:')).split('\n').slice(1)) {
    flag = /^ {2}(?:-\w, )?(--[a-z-]+)/.exec(line)?.[1] ?? flag
    options.set(flag, `${options.get(flag) ?? ''} ${line.trim()}`)
  }
  return options
}

const toVariable = (flag: string): string => `OUTRIGGER_${flag.slice(2).toUpperCase().replaceAll('-', '_')}`

for (const [command, flags] of Object.entries(FLAGS)) {
  test.serial(`${command} --help says what it does, and names each flag with what sets it`, async () => {
    const { code, stdout, stderr } = await runCli([command, '--help'])
    assert.deepEqual([code, stderr], [0, ''])
    assert(stdout.startsWith(`Usage: outrigger ${command} `), stdout.slice(0, 100))
    const options = readOptions(stdout)
    for (const flag of flags) assert(options.has(flag), `${command} ${flag}`)
    const defined = (await buildProgram(command)).commands[0]?.options ?? []
    assert.deepEqual([...options.keys()].sort(), [...defined.map(({ long }) => long ?? ''), '--help'].sort())
    for (const [flag, said] of options) {
      if (flag === '--help') continue
      const isSet = !NOT_BY_ENVIRONMENT.includes(flag) && !NOT_BY_ENVIRONMENT.includes(`${command} ${flag}`)
      assert.equal(/env: (\w+)/.exec(said)?.[1], isSet ? toVariable(flag) : undefined, `${command} ${flag}`)
      assert.match(said, /^ (?:-\w, )?--\S+( <[^>]+>)? {2,}\S+ \S+/, 'it says what it is for')
    }
  })
}

test.serial('--help lists every command', async () => {
  const { code, stdout } = await runCli(['--help'])
  assert.equal(code, 0)
  const listed = [...stdout.matchAll(/^ {2}([a-z-]+) (?:\[| {2})/gm)].map(([, name]) => name)
  assert.deepEqual(listed.sort(), [...Object.keys(FLAGS), 'help'].sort())
})

test.serial('version is that of the release, and of the Node that runs it', async () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const node = process.versions.node
  assert.deepEqual(await runCli(['version']), { code: 0, stdout: `outrigger ${version} (Node ${node})\n`, stderr: '' })
  assert.deepEqual(JSON.parse((await runCli(['version', '--json'])).stdout), { outrigger: version, node })
})

/** What is typed or set → what is said of it. */
interface Slip {
  readonly about: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly says: RegExp
}

const SLIPS: readonly Slip[] = [
  { about: 'no command', args: [], says: /^Usage: outrigger/ },
  { about: 'an unknown command', args: ['aply'], says: /unknown command 'aply'/ },
  {
    about: 'an unknown flag',
    args: ['get', 'all', '--nmespace', 'x'],
    says: /unknown option '--nmespace'\n.*--namespace/,
  },
  { about: 'a flag without its value', args: ['get', 'all', '--api'], says: /'--api <url>' argument missing/ },
  { about: 'an argument too many', args: ['get', 'svc', 'a', 'b'], says: /too many arguments for 'get'/ },
  { about: 'apply without a file', args: ['apply'], says: /required option '-f, --filename <file>' not specified/ },
  { about: 'explain without a caller', args: ['explain', 'GET', 'x'], says: /required option '--from <workload>'/ },
  { about: 'delete without anything', args: ['delete'], says: /delete what\? Give KIND and NAME, or files with -f/ },
  { about: 'delete of an unknown kind', args: ['delete', 'httprout', 'x'], says: /did you mean "httproutes"\?/ },
  { about: 'an API that is no URL', args: ['get', 'all', '--api', 'nowhere'], says: /--api "nowhere" is not a URL/ },
  { about: 'a request that is none', args: ['explain', 'GET', 'https://x', '--from', 'web'], says: /only http:\/\// },
  {
    about: 'an address that is none',
    args: ['control-plane', '--listen', 'here'],
    says: /--listen.*"here" is not an address; wanted HOST:PORT/,
  },
  {
    about: 'a duration that is none',
    args: ['control-plane', '--leaf-lifetime', 'soon'],
    says: /--leaf-lifetime.*soon/,
  },
  { about: 'a format that is none', args: ['get', 'all', '-o', 'xml'], says: /Allowed choices are table, yaml, json/ },
  { about: 'a share over one', args: ['control-plane', '--sampling', '2'], says: /--sampling: "2" is not a ratio/ },
  { about: 'a port that is none', args: ['up', '--api-port', '70000'], says: /--api-port: "70000" is not a port/ },
  {
    about: 'a variable with an address that is none',
    args: ['control-plane'],
    env: { OUTRIGGER_API_LISTEN: 'here' },
    says: /--api-listen.*'here' from env 'OUTRIGGER_API_LISTEN' is invalid/,
  },
  {
    about: 'a variable with a word that is no choice',
    args: ['sidecar', '--workload', 'a/b', '--bundle', 'c', '--state-dir', 'd'],
    env: { OUTRIGGER_LOG_LEVEL: 'loud' },
    says: /'loud' from env 'OUTRIGGER_LOG_LEVEL'/,
  },
  { about: 'a sidecar without a workload', args: ['sidecar'], says: /required option '--workload <namespace\/name>'/ },
  {
    about: 'an admin port for strangers',
    args: ['sidecar', '--workload', 'a/b', '--bundle', 'c', '--state-dir', 'd', '--admin', '0.0.0.0:15000'],
    says: /--admin 0\.0\.0\.0:15000: .* loopback only/,
  },
  {
    about: 'a served service without a port of the application',
    args: [
      'sidecar',
      '--workload',
      'a/b',
      '--bundle',
      'c',
      '--state-dir',
      'd',
      '--inbound',
      '127.0.0.1:0',
      '--serve',
      'orders',
    ],
    says: /--serve "orders": there is no "="/,
  },
]

for (const { about, args, env, says } of SLIPS) {
  test.serial(`${about} is a mistake in usage: code 64, and a word on standard error`, async () => {
    const { code, stdout, stderr } = await runCli(args, env === undefined ? {} : { env })
    assert.deepEqual([code, stdout], [64, ''], stderr)
    assert.match(stderr, says)
    assert.doesNotMatch(stderr, /^ {4}at /m, 'no stack')
  })
}

test.serial('a flag wins over its variable, and a variable over the default', async () => {
  const env = { OUTRIGGER_API: 'http://127.0.0.1:1' }
  assert.match((await runCli(['get', 'all'], { env })).stderr, /control plane at http:\/\/127\.0\.0\.1:1:/)
  const both = await runCli(['get', 'all', '--api', 'http://127.0.0.2:1'], { env })
  assert.match(both.stderr, /control plane at http:\/\/127\.0\.0\.2:1:/)
})

test.serial('variables set flags that are required, may be repeated, or are read', async () => {
  await using folder = await temporaryFolder()
  const service = (name: string) =>
    `{apiVersion: v1, kind: Service, metadata: {name: ${name}}, spec: {ports: [{port: 80}]}}\n`
  await mkdir(join(folder.path, 'mesh'))
  await writeFile(join(folder.path, 'mesh', 'a.yaml'), service('a'))
  await writeFile(join(folder.path, 'b.yaml'), service('b'))
  const files = await runCli(['validate', '--offline'], {
    cwd: folder.path,
    env: { OUTRIGGER_FILENAME: 'mesh,b.yaml' },
  })
  assert.deepEqual(files, { code: 0, stdout: '2 manifests are valid\n', stderr: '' })
  const required = { OUTRIGGER_WORKLOAD: 'nonsense', OUTRIGGER_BUNDLE: 'b', OUTRIGGER_STATE_DIR: 's' }
  const sidecar = await runCli(['sidecar'], { cwd: folder.path, env: required })
  assert.equal(sidecar.code, 64)
  assert.doesNotMatch(sidecar.stderr, /required option/)
})
