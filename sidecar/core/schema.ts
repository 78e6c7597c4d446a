import type { Static, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { err, ok, type Result } from '../../certs/result.ts'

/** One thing wrong with a value, for a person: where it is, what is wrong and what was got. */
export interface Problem {
  /** Path from the root, as a person writes it: `spec.rules[0].backendRefs[1].weight`. */
  readonly path: string
  /** What is wrong, and what is allowed: `must be >= 0`. */
  readonly problem: string
  /** The value that was found there, where it is worth printing. */
  readonly got?: unknown
}

interface SchemaError {
  readonly keyword: string
  readonly schemaPath: string
  readonly instancePath: string
  readonly params: object
  readonly message: string
}

/** Checks unknown values against one schema. Compile once, at module level. */
export interface Parser<T> {
  /** The value, typed, or everything that is wrong with it. `at` is the path of the value itself. */
  parse(value: unknown, at?: string): Result<T, readonly Problem[]>
}

/** A parser for `schema`. Unknown keys are errors where the schema says `additionalProperties: false`. */
export function parserOf<S extends TSchema>(schema: S): Parser<Static<S>> {
  const compiled = Compile(schema)
  return {
    parse(value, at = '') {
      if (compiled.Check(value)) return ok(value as Static<S>)
      return err(toProblems(compiled.Errors(value) as readonly SchemaError[], value, at))
    },
  }
}

/** Folds the schema library's errors into one problem per place. */
function toProblems(errors: readonly SchemaError[], root: unknown, at: string): Problem[] {
  const problems = new Map<string, Problem>()
  const wanted = new Map<string, Set<string>>()
  for (const error of errors) {
    const path = toPath(at, error.instancePath)
    const got = valueAt(root, error.instancePath)
    if (error.keyword === 'const') {
      const set = wanted.get(path) ?? new Set()
      set.add(JSON.stringify((error.params as { allowedValue: unknown }).allowedValue))
      wanted.set(path, set)
      continue
    }
    if (error.keyword === 'additionalProperties') {
      for (const name of (error.params as { additionalProperties: string[] }).additionalProperties) {
        const where = toPath(path, `/${name}`)
        problems.set(where, { path: where, problem: 'is not a known field' })
      }
      continue
    }
    if (error.keyword === 'boolean') {
      // The library stops at its maximum of errors: the summary above may not come any more.
      problems.set(path, { path, problem: 'is not a known field' })
      continue
    }
    if (problems.has(path)) continue
    problems.set(path, { path, problem: error.message, ...(isPrintable(got) ? { got } : {}) })
  }
  for (const [path, values] of wanted) {
    const got = valueAt(root, path.slice(at.length).replaceAll('.', '/'))
    const known = problems.get(path)
    const problem = `must be ${[...values].join(' or ')}`
    problems.set(path, {
      path,
      problem,
      ...(known?.got === undefined ? (isPrintable(got) ? { got } : {}) : { got: known.got }),
    })
  }
  return [...problems.values()]
}

const isPrintable = (value: unknown): boolean => value === null || (value !== undefined && typeof value !== 'object')

function toPath(at: string, pointer: string): string {
  let path = at
  for (const raw of pointer.split('/').slice(1)) {
    const key = raw.replaceAll('~1', '/').replaceAll('~0', '~')
    path += /^\d+$/.test(key) ? `[${key}]` : path === '' ? key : `.${key}`
  }
  return path
}

function valueAt(root: unknown, pointer: string): unknown {
  let value = root
  for (const raw of pointer.split('/').slice(1)) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Record<string, unknown>)[raw.replaceAll('~1', '/').replaceAll('~0', '~')]
  }
  return value
}

/** A problem as one line: `spec.rules[0].weight: must be >= 0 (got -1)`. */
export const toLine = (problem: Problem): string =>
  `${problem.path === '' ? '(document)' : problem.path}: ${problem.problem}${'got' in problem ? ` (got ${JSON.stringify(problem.got)})` : ''}`
