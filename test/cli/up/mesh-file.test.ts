import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { parseMeshFile, readMeshFile } from '../../../cli/up/mesh-file.ts'

const HEAD = 'apiVersion: outrigger.dev/v1alpha1\nkind: LocalMesh\nmetadata: { name: shop }\n'
const workloads = (...entries: string[]): string =>
  `${HEAD}spec:\n  workloads:\n${entries.map((one) => `    - ${one}\n`).join('')}`

function errorOf(text: string): string {
  const parsed = parseMeshFile(text, '/etc/mesh.yaml')
  assert(!parsed.ok, 'the file was taken')
  return parsed.error
}

test('parseMeshFile fills in what a short file leaves out', () => {
  const parsed = parseMeshFile(workloads('{ name: web, command: [node, web.ts] }'), '/srv/shop/mesh.yaml')
  assert.deepEqual(parsed, {
    ok: true,
    value: {
      name: 'shop',
      namespace: 'default',
      trustDomain: 'local.mesh',
      directory: '/srv/shop',
      manifests: [],
      workloads: [{ name: 'web', command: ['node', 'web.ts'] }],
    },
  })
})

test('parseMeshFile finds manifests from where the file is', () => {
  const parsed = parseMeshFile(
    `${HEAD}spec: { manifests: [policies, ../x.yaml], workloads: [{ name: web }] }`,
    '/srv/shop/mesh.yaml',
  )
  assert.deepEqual(parsed.ok && parsed.value.manifests, ['/srv/shop/policies', '/srv/x.yaml'])
})

test("the shop's mesh file is one", () => {
  const file = readMeshFile(fileURLToPath(new URL('../../../examples/shop/mesh.yaml', import.meta.url)))
  assert(file.ok, file.ok ? '' : file.error)
})

test('readMeshFile says which file is missing, and how to name another', () => {
  const file = readMeshFile('/nowhere/mesh.yaml')
  assert(!file.ok)
  assert.match(file.error, /^Cannot read the mesh file \/nowhere\/mesh\.yaml: ENOENT\. Name a file with -f/)
})

const REFUSED: readonly { readonly what: string; readonly text: string; readonly error: RegExp }[] = [
  { what: 'YAML that is broken', text: `${HEAD}spec: [`, error: /^\/etc\/mesh\.yaml is not valid YAML: .*line 4/ },
  { what: 'a key that is there twice', text: `${HEAD}kind: LocalMesh\n`, error: /not valid YAML: .*unique/ },
  { what: 'another kind', text: 'apiVersion: outrigger.dev/v1alpha1\nkind: Pod\n', error: /kind/ },
  { what: 'an empty file', text: '', error: /is not a mesh file/ },
  {
    what: 'an unknown field',
    text: workloads('{ name: web, replcas: 2 }'),
    error: /workloads\[0\].*replcas|replcas.*workloads\[0\]/,
  },
  { what: 'no workload', text: `${HEAD}spec: { workloads: [] }`, error: /spec\.workloads/ },
  { what: 'too many replicas', text: workloads('{ name: web, replicas: 21 }'), error: /workloads\[0\]\.replicas/ },
  { what: 'a name that no DNS label can be', text: workloads('{ name: Web }'), error: /workloads\[0\]\.name/ },
  {
    what: 'two workloads of one name',
    text: workloads('{ name: web }', '{ name: web }'),
    error: /workloads\[1\]\.name: a replica of "web" is called "web" already/,
  },
  {
    what: 'a workload with the name of a replica',
    text: workloads('{ name: web, replicas: 2 }', '{ name: web-2 }'),
    error: /workloads\[1\]\.name: a replica of "web" is called "web-2" already/,
  },
  {
    what: "the control plane's name",
    text: workloads('{ name: control-plane }'),
    error: /"control-plane" is the control plane's/,
  },
  {
    what: 'a service without a program',
    text: workloads('{ name: web, serves: [{ service: web }] }'),
    error: /workloads\[0\]: "web" serves, but has no command/,
  },
  {
    what: 'an upstream that is there twice',
    text: workloads('{ name: web, upstreams: [{ service: a }, { service: a }] }'),
    error: /workloads\[0\]\.upstreams\[1\]\.service: "a" is there twice/,
  },
  {
    what: 'a port for two listeners',
    text: workloads(
      '{ name: a, upstreams: [{ service: x, listen: 9101 }] }',
      '{ name: b, upstreams: [{ service: x, listen: 9101 }] }',
    ),
    error: /workloads\[1\]\.upstreams\[0\]\.listen: port 9101 is taken by spec\.workloads\[0\]\.upstreams\[0\]/,
  },
]
for (const { what, text, error } of REFUSED) {
  test(`parseMeshFile refuses ${what}`, () => assert.match(errorOf(text), error))
}

test('parseMeshFile takes any number of listeners on any port', () => {
  const entry = '{ name: a, upstreams: [{ service: x, listen: 0 }, { service: y, listen: 0 }] }'
  assert(parseMeshFile(workloads(entry), 'mesh.yaml').ok)
})
