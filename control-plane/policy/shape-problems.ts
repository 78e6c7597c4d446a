import assert from 'node:assert/strict'
import type { Static, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { Settings } from 'typebox/system'
import { err, ok, type Result } from '../../certs/result.ts'
import { findNearest } from './suggest.ts'

/** Where in a document: `['spec', 'rules', 0, 'matches']`. */
export type FieldPath = readonly (string | number)[]

/** One thing wrong with the shape of a document. */
export interface ShapeProblem {
  readonly path: FieldPath
  /** What is wrong, to be read after the path: `is not a known field`. */
  readonly problem: string
  /** What stands there, as JSON, where it is worth printing. */
  readonly found?: string
  readonly allowed?: string
}

/** The library stops at 8 errors by default; a person wants them all, and a stranger must not get a page for each octet. */
const MAX_PROBLEMS = 256
Settings.Set({ maxErrors: MAX_PROBLEMS })

interface SchemaError {
  readonly keyword: string
  readonly schemaPath: string
  readonly instancePath: string
  readonly params: object
  readonly message: string
}
type SchemaNode = { readonly [keyword: string]: unknown }

/** A check of unknown values against `schema`. Compile once, at module level. All problems are reported, up to 256. */
export function shapeOf<S extends TSchema>(schema: S): (value: unknown) => Result<Static<S>, readonly ShapeProblem[]> {
  const compiled = Compile(schema)
  return (value) => {
    if (compiled.Check(value)) return ok(value as Static<S>)
    const problems = new Map<string, ShapeProblem>()
    for (const error of compiled.Errors(value) as readonly SchemaError[]) {
      for (const problem of toProblems(error, schema, value)) {
        const key = JSON.stringify(problem.path)
        if (!problems.has(key)) problems.set(key, problem)
      }
    }
    assert(problems.size > 0, 'what is refused is refused for a reason')
    return err([...problems.values()])
  }
}

function toProblems(error: SchemaError, root: TSchema, value: unknown): readonly ShapeProblem[] {
  const path = segmentsOf(error.instancePath, value)
  const schema = nodeAt(root, error.schemaPath)
  const found = valueAt(value, path)
  switch (error.keyword) {
    case 'additionalProperties':
      return [] // each field has its own error before, be it unknown or of a wrong value
    case 'boolean': {
      const known = fieldsOf(nodeAt(root, error.schemaPath.replace(/\/additionalProperties$/, '')))
      const hint = didYouMean(String(path.at(-1)), known)
      return [{ path, problem: `is not a known field${hint}`, allowed: known.join(', ') }]
    }
    case 'required': {
      const missing = (error.params as { requiredProperties: string[] }).requiredProperties
      return missing.map((name) => ({
        path: [...path, name],
        problem: 'is missing',
        allowed: describe(nodeAt(root, `${error.schemaPath}/properties/${name}`)),
      }))
    }
    case 'not':
      return [{ path, problem: `is not supported yet: ${String(schema['notYet'] ?? 'this field')}` }]
    case 'enum': {
      const why = ((schema['notYetValues'] ?? {}) as Record<string, string>)[String(found)]
      if (why !== undefined) return [{ path, problem: `is not supported yet: ${why}`, ...foundOf(found) }]
      const hint = typeof found === 'string' ? didYouMean(found, schema['enum'] as readonly string[]) : ''
      return [{ path, problem: `has a value that is not allowed${hint}`, ...foundOf(found), allowed: describe(schema) }]
    }
    case 'type':
      return [{ path, problem: 'has the wrong type', ...foundOf(found), allowed: describe(schema) }]
    case 'maxItems':
    case 'minItems':
      return [{ path, problem: `has ${(found as unknown[]).length} elements`, allowed: describe(schema) }]
    default:
      return [{ path, problem: 'has a value that is not allowed', ...foundOf(found), allowed: describe(schema) }]
  }
}

/** ` (did you mean "weight"?)`, or nothing when no name is near. */
export function didYouMean(found: string, known: Iterable<string>): string {
  const nearest = findNearest(found, known)
  return nearest === undefined || nearest === found ? '' : ` (did you mean "${nearest}"?)`
}

/** A value as it is shown in a problem: JSON, cut to 80 characters. */
export function foundOf(value: unknown): { readonly found: string } {
  const json = JSON.stringify(value) ?? 'nothing'
  if (value === null) return { found: 'nothing (null)' }
  const shown = Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'a mapping' : undefined
  if (shown !== undefined) return { found: json.length <= 40 ? `${shown}, ${json}` : shown }
  return { found: json.length <= 80 ? json : `${json.slice(0, 77)}…"` }
}

function describe(schema: SchemaNode): string {
  if (typeof schema['wanted'] === 'string') return schema['wanted']
  if (Array.isArray(schema['enum'])) return orList(schema['enum'].map((value) => JSON.stringify(value)))
  const { minimum, maximum, minItems, maxItems, maxLength } = schema
  switch (schema['type']) {
    case 'integer':
    case 'number': {
      const noun = schema['type'] === 'integer' ? 'an integer' : 'a number'
      if (minimum !== undefined && maximum !== undefined) return `${noun} from ${minimum} to ${maximum}`
      return minimum === undefined ? noun : `${noun}, ${minimum} or more`
    }
    case 'boolean':
      return 'true or false'
    case 'array':
      return `a list${maxItems === undefined ? '' : ` of ${minItems ?? 0} to ${maxItems} elements`}`
    case 'object': {
      const known = fieldsOf(schema)
      return known.length === 0 ? 'a mapping' : `a mapping with the fields ${known.join(', ')}`
    }
    default:
      return `text${maxLength === undefined ? '' : ` of at most ${maxLength} characters`}`
  }
}

/** `a, b or c`. */
export const orList = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`

/** Names of the fields that a person may write: not those that we refuse for now, nor those that only Kubernetes writes. */
const fieldsOf = (schema: SchemaNode): string[] =>
  Object.entries((schema['properties'] ?? {}) as Record<string, SchemaNode>)
    .filter(([, property]) => property['notYet'] === undefined && property['foreign'] === undefined)
    .map(([name]) => name)

/** Splits a JSON Pointer (RFC 6901 §4); a segment is an index only where the value has a list. */
function segmentsOf(pointer: string, root: unknown): FieldPath {
  const path: (string | number)[] = []
  let value = root
  for (const raw of pointer.split('/').slice(1)) {
    const name = raw.replaceAll('~1', '/').replaceAll('~0', '~')
    path.push(Array.isArray(value) ? Number(name) : name)
    value = valueAt(value, [name])
  }
  return path
}

function valueAt(root: unknown, path: FieldPath): unknown {
  let value = root
  for (const segment of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment)) return undefined
    value = (value as Record<string | number, unknown>)[segment]
  }
  return value
}

function nodeAt(root: TSchema, schemaPath: string): SchemaNode {
  return (valueAt(root, segmentsOf(schemaPath.replace(/^#/, ''), root)) ?? {}) as SchemaNode
}

/** A path as a person writes it: `spec.rules[0].matches`; `metadata.labels["a.b/c"]` where a name is no plain word. */
export function pathText(path: FieldPath): string {
  let out = ''
  for (const segment of path) {
    if (typeof segment === 'number') out += `[${segment}]`
    else if (!/^[A-Za-z_$][\w$-]*$/.test(segment)) out += `[${JSON.stringify(segment)}]`
    else out += out === '' ? segment : `.${segment}`
  }
  return out
}
