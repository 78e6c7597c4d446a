import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import test from 'ava'
import { parse } from 'yaml'
import { crdFiles } from '../../../manifests/generate.ts'

const CRDS = new URL('../../../manifests/crds/', import.meta.url)
type Schema = { readonly [keyword: string]: unknown }

/** What a structural schema may hold (Kubernetes, "Specifying a structural schema"), as far as we need it. */
const ALLOWED = new Set([
  'type',
  'description',
  'properties',
  'required',
  'items',
  'enum',
  'pattern',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'additionalProperties',
  'format',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
])

function faultsOf(schema: Schema, path: string): string[] {
  const faults = Object.keys(schema)
    .filter((keyword) => !ALLOWED.has(keyword))
    .map((keyword) => `${path}: ${keyword}`)
  if (typeof schema['type'] !== 'string') faults.push(`${path}: no type`)
  if (schema['properties'] !== undefined && schema['additionalProperties'] !== undefined)
    faults.push(`${path}: both kinds of properties`)
  const pattern = schema['pattern']
  // RE2 has no \u escapes, look-around or back-references.
  if (typeof pattern === 'string' && /\\u|\(\?[=!<]|\\[1-9]/.test(pattern)) faults.push(`${path}: pattern is not RE2`)
  for (const [name, property] of Object.entries((schema['properties'] ?? {}) as Record<string, Schema>)) {
    faults.push(...faultsOf(property, `${path}.${name}`))
  }
  if (schema['type'] === 'array') faults.push(...faultsOf((schema['items'] ?? {}) as Schema, `${path}[]`))
  const values = schema['additionalProperties']
  if (values !== undefined) faults.push(...faultsOf(values as Schema, `${path}.*`))
  return faults
}

test('manifests/crds holds exactly what the schemas say; run "node manifests/generate.ts" when it does not', () => {
  assert.deepEqual(readdirSync(CRDS).sort(), [...crdFiles().keys()].sort())
  for (const [name, text] of crdFiles()) assert.equal(readFileSync(new URL(name, CRDS), 'utf8'), text, name)
})

for (const [name, text] of crdFiles()) {
  const crd = parse(text)
  test(`${name} is a structural schema with one stored version and a status`, () => {
    const [version, ...others] = crd.spec.versions
    assert.deepEqual(others, [])
    assert.equal(crd.metadata.name, `${crd.spec.names.plural}.${crd.spec.group}`)
    assert.deepEqual(version.subresources, { status: {} })
    assert.deepEqual(faultsOf(version.schema.openAPIV3Schema, 'crd'), [])
  })
}
