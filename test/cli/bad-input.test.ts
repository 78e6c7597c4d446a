import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import test from 'ava'
import { controlPlane, temporaryFolder } from '../integration/control-plane/fixture.ts'
import { type CliRun, runCli } from '../support/run-cli.ts'

/** `outrigger` meets what people get wrong: one paragraph for each problem, the right exit code, and nothing done by half. */

const SERVICE = `apiVersion: v1
kind: Service
metadata: {name: orders, namespace: shop}
spec: {ports: [{name: http, port: 80}]}
`
const route = (
  name: string,
  more: { readonly backend?: string; readonly field?: string; readonly kind?: string } = {},
) =>
  `apiVersion: gateway.networking.k8s.io/v1
kind: ${more.kind ?? 'HTTPRoute'}
metadata: {name: ${name}, namespace: shop}
spec:
  parentRefs: [{group: "", kind: Service, name: orders}]
  ${more.field ?? 'rules'}:
    - backendRefs: [${more.backend ?? '{name: orders, port: 80}'}]
`

interface BadManifest {
  readonly about: string
  readonly text: string
  /** Every one must stand in the answer: where, what was found, what is allowed. */
  readonly says: readonly RegExp[]
  readonly code?: number
}

const BAD_MANIFESTS: readonly BadManifest[] = [
  {
    about: 'an unknown kind',
    text: route('r', { kind: 'HTTPRout' }),
    says: [/bad\.yaml:2 /, /did you mean "HTTPRoute"\?/, /found "HTTPRout"/, /allowed: .*AuthorizationPolicy/],
  },
  {
    about: 'an unknown field',
    text: route('r', { field: 'rulez' }),
    says: [/bad\.yaml:6 /, /spec\.rulez is not a known field \(did you mean "rules"\?\)/, /allowed: parentRefs, rules/],
  },
  {
    about: 'a wrong type',
    text: route('r', { backend: '{name: orders, port: eighty}' }),
    says: [/bad\.yaml:7 /, /backendRefs\[0\]\.port/, /found "eighty"/, /allowed: an integer from 1 to 65535/],
  },
  {
    about: 'a syntax error of YAML',
    text: route('r', { backend: '{name: orders, port: 80' }),
    says: [/bad\.yaml:7 /, /not valid YAML at column 44/],
  },
  {
    about: 'two documents with one name',
    text: `${route('r')}---\n${route('r')}`,
    says: [/bad\.yaml:11 \(document 2, HTTPRoute shop\/r\)/, /first in document 1, line 3/, /found "r"/],
  },
  {
    about: 'a route to a service that does not exist',
    text: route('r', { backend: '{name: order, port: 80}' }),
    says: [/bad\.yaml:7 /, /a service that does not exist/, /found "shop\/order"/, /shop\/orders/],
  },
  {
    about: 'a weight of -1',
    text: route('r', { backend: '{name: orders, port: 80, weight: -1}' }),
    says: [/bad\.yaml:7 /, /weight/, /found -1/, /allowed: an integer from 0 to 1000000/],
  },
  {
    about: 'a good document before a bad one',
    text: `${route('good')}---\n${route('bad', { backend: '{name: orders, port: 0}' })}`,
    says: [/document 2, HTTPRoute shop\/bad/, /found 0/],
  },
  {
    about: 'a manifest of 1 MB',
    text: `${route('r')}# ${'x'.repeat(1_000_000)}\n`,
    says: [/bad\.yaml/, /1000\d\d\d bytes/, /may have 524288/, /split it/],
    code: 66,
  },
]

/** No stack, no noise: a line for the command and one for each problem. */
function assertReadable({ stderr }: CliRun): void {
  assert.match(stderr, /^outrigger/)
  assert.doesNotMatch(stderr, /\n\s+at |node:internal|undefined|\[object/)
  assert(stderr.trim().split('\n').length <= 4, stderr)
}

test('no manifest that is wrong is applied, and each says what, where and what is allowed', async () => {
  await using folder = await temporaryFolder()
  await using plane = await controlPlane(folder.path)
  const api = `http://127.0.0.1:${plane.ports.api}`
  const good = await runCli(['apply', '-f', '-', '--api', api], { input: SERVICE })
  assert.equal(good.code, 0, good.stderr)
  const stored = async (): Promise<string> => (await fetch(`${api}/v1/manifests`)).text()
  const before = await stored()
  for (const { about, text, says, code = 1 } of BAD_MANIFESTS) {
    await writeFile(join(folder.path, 'bad.yaml'), text)
    for (const command of ['apply', 'validate']) {
      const run = await runCli([command, '-f', 'bad.yaml', '--api', api], { cwd: folder.path })
      assert.equal(run.code, code, `${command} ${about}: ${run.stderr}`)
      assertReadable(run)
      for (const pattern of says) assert.match(run.stderr, pattern, `${command} ${about}`)
    }
    assert.equal(await stored(), before, `${about}: nothing is applied by half`)
  }
})

test('validate --offline finds the same, without a control plane', async () => {
  await using folder = await temporaryFolder()
  for (const { about, text, says, code = 1 } of BAD_MANIFESTS) {
    if (about.includes('does not exist')) continue // offline only the files themselves are known
    await writeFile(join(folder.path, 'service.yaml'), SERVICE)
    await writeFile(join(folder.path, 'bad.yaml'), text)
    const run = await runCli(['validate', '--offline', '-f', 'service.yaml', '-f', 'bad.yaml'], { cwd: folder.path })
    assert.equal(run.code, code, `${about}: ${run.stderr}`)
    for (const pattern of says) assert.match(run.stderr, pattern, about)
  }
})

test('a program that cannot start says in one paragraph what is in the way', async () => {
  await using folder = await temporaryFolder()
  const { path } = folder
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const inUse = `127.0.0.1:${(taken.address() as AddressInfo).port}`
  const free = ['--listen', '127.0.0.1:0', '--api-listen', '127.0.0.1:0']
  await using plane = await controlPlane(join(path))
  const bundle = ['--bundle', join(path, 'bundle.pem')]
  await writeFile(join(path, 'text.pem'), 'this is no certificate\n')
  await writeFile(join(path, 'short.pem'), '-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIB\n-----END CERTIFICATE-----\n')
  await writeFile(join(path, 'empty'), '\n')
  await writeFile(join(path, 'no.db'), 'this is no database\n'.repeat(100))
  const registry = ['--registry', `embedded:${join(path, 'other.db')}`, '--data-dir', join(path, 'other')]
  const sidecar = (...args: string[]): string[] => [
    'sidecar',
    '--workload',
    'shop/web',
    '--state-dir',
    join(path, 'state'),
    '--control-plane',
    `127.0.0.1:${plane.ports.push}`,
    ...args,
  ]
  const cases: readonly (readonly [string, readonly string[], number, RegExp])[] = [
    [
      'an unreachable Consul',
      ['control-plane', '--registry', 'consul://127.0.0.1:1', '--data-dir', join(path, 'consul'), ...free],
      69,
      /Cannot use Consul at consul:\/\/127\.0\.0\.1:1: it does not answer .*Start a Consul agent/,
    ],
    [
      "the control plane's port in use",
      ['control-plane', ...registry, '--listen', inUse, '--api-listen', '127.0.0.1:0'],
      71,
      new RegExp(`Cannot listen on ${inUse} .*in use by another program; stop it, or choose another port`),
    ],
    [
      'a registry file that is something else',
      ['control-plane', '--registry', `embedded:${join(path, 'no.db')}`, '--data-dir', join(path, 'no'), ...free],
      66,
      /no\.db": it is not a SQLite database/,
    ],
    [
      'a registry of an unknown kind',
      ['control-plane', '--registry', 'zookeeper://127.0.0.1', '--data-dir', join(path, 'no'), ...free],
      64,
      /zookeeper.*embedded:.*consul:/s,
    ],
    [
      'an admin token that is none',
      ['control-plane', ...registry, ...free, '--admin-token-file', join(path, 'empty')],
      66,
      /empty is empty: expected a token in it/,
    ],
    ['a bundle that is not there', sidecar('--bundle', join(path, 'none.pem')), 71, /none\.pem \(--bundle\): ENOENT/],
    [
      'a certificate that is none',
      sidecar('--bundle', join(path, 'text.pem')),
      71,
      /text\.pem \(--bundle\): .*no CERTIFICATE block/,
    ],
    [
      'a certificate that is cut short',
      sidecar('--bundle', join(path, 'short.pem')),
      71,
      /short\.pem \(--bundle\): a root is not readable/,
    ],
    ...(['--upstream', '--inbound', '--admin', '--probes'] as const).map(
      (flag) =>
        [
          `${flag} on a port in use`,
          sidecar(
            ...bundle,
            ...(flag === '--admin' ? [] : ['--admin', '127.0.0.1:0']),
            ...(flag === '--probes' ? [] : ['--probes', '127.0.0.1:0']),
            flag,
            flag === '--upstream' ? `orders=${inUse}` : inUse,
          ),
          71,
          new RegExp(`Cannot listen on ${inUse} \\(${flag}\\): the port is in use`),
        ] as const,
    ),
    [
      'a workload without namespace',
      ['sidecar', '--workload', 'web', '--state-dir', join(path, 'state'), ...bundle],
      64,
      /--workload: "web" is not a workload; wanted NAMESPACE\/NAME/,
    ],
  ]
  try {
    for (const [about, args, code, says] of cases) {
      const run = await runCli(args, { cwd: path })
      assert.equal(run.code, code, `${about}: ${run.stderr}${run.stdout}`)
      assert.match(run.stderr, says, about)
      assertReadable(run)
    }
  } finally {
    taken.close()
  }
})
