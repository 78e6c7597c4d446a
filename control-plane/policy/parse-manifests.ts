import { type Document, LineCounter, type ParsedNode, parseAllDocuments } from 'yaml'
import { err, ok, type Result } from '../../certs/result.ts'
import { LIMITS } from '../../sidecar/core/limits.ts'
import { checkManifest } from './check-manifest.ts'
import { inspectDocument } from './inspect-document.ts'
import { lineOfField } from './line-of-field.ts'
import { locateProblem } from './locate-problem.ts'
import { type Manifest, manifestKey, nameOf, refOf } from './manifest.ts'
import type { ManifestProblem } from './manifest-problem.ts'
import { findSource, type ManifestSource, rememberSource } from './manifest-source.ts'

/** Syntax errors follow from each other: the first few of a document say it. */
const MAX_SYNTAX_ERRORS = 3
/** Nobody reads more, and the answer to half a megabyte must not be twenty. */
const MAX_PROBLEMS = 256
/** Reading blocks whoever reads: a file of empty documents must not hold the control plane for seconds. */
const MAX_DOCUMENTS = 2_000

/**
 * The manifests of a text: YAML 1.2 (any number of documents; empty ones are skipped) or JSON, which is YAML.
 *
 * All or nothing: with one problem there is no manifest. All problems of all documents are reported, in order, up to
 * 256 and one that says so.
 * `file` is named in problems; `defaultNamespace` holds for manifests that name none. A document is at most
 * `LIMITS.manifestBytes` long. Where each manifest stands is remembered (`findSource`).
 */
export function parseManifests(
  text: string,
  file: string,
  defaultNamespace = 'default',
): Result<readonly Manifest[], readonly ManifestProblem[]> {
  const oversized = findOversized(text, file)
  if (oversized.length > 0) return err(oversized)
  const lines = new LineCounter()
  // Core schema: what YAML 1.1 takes for more than it looks (yes, 0o17, 1:20) stays text; merge keys and custom tags stay off.
  const options = { lineCounter: lines, uniqueKeys: false, prettyErrors: false, schema: 'core', merge: false } as const
  const parsed = parseAllDocuments(text.replace(/^\uFEFF/, ''), options)
  const documents: Document.Parsed[] = Array.isArray(parsed) ? parsed : []
  const manifests = new Map<string, Manifest>()
  const problems: ManifestProblem[] = []
  for (const [i, document] of documents.entries()) {
    if (problems.length > MAX_PROBLEMS) break
    const source = sourceOf(document, lines, file, i + 1)
    const manifest = readDocument(document, source, lines, defaultNamespace)
    if (!manifest.ok) {
      problems.push(...manifest.error)
      continue
    }
    if (manifest.value === undefined) continue
    const key = manifestKey(refOf(manifest.value))
    const earlier = manifests.get(key)
    if (earlier !== undefined) problems.push(duplicateOf(earlier, manifest.value, source))
    else manifests.set(key, manifest.value)
    rememberSource(manifest.value, source)
  }
  if (problems.length === 0) return ok([...manifests.values()])
  return err(problems.length <= MAX_PROBLEMS ? problems : [...problems.slice(0, MAX_PROBLEMS), leftOut(file)])
}

const leftOut = (file: string): ManifestProblem => ({
  file,
  document: 0,
  line: 0,
  subject: undefined,
  path: '',
  problem: `has more problems than the ${MAX_PROBLEMS} that are named here`,
})

function readDocument(
  document: Document.Parsed,
  source: ManifestSource,
  lines: LineCounter,
  defaultNamespace: string,
): Result<Manifest | undefined, readonly ManifestProblem[]> {
  const at = { file: source.file, document: source.document, subject: undefined, path: '' }
  if (document.errors.length > 0) {
    return err(
      document.errors.slice(0, MAX_SYNTAX_ERRORS).map((error) => {
        const { line, col } = lines.linePos(error.pos[0])
        const isDeep = error.message.startsWith('Maximum call stack')
        const problem = isDeep
          ? 'is nested too deep'
          : `is not valid YAML at column ${col}: ${error.message.replace(/\.$/, '')}`
        return { ...at, line, problem }
      }),
    )
  }
  const inspected = inspectDocument(document)
  if (inspected.length > 0) return err(inspected.map((problem) => locateProblem(problem, source, undefined)))
  const value: unknown = document.toJS({ maxAliasCount: 0 })
  if (value === null || value === undefined) return ok(undefined)
  const manifest = checkManifest(value, defaultNamespace)
  if (manifest.ok) return manifest
  const problems = manifest.error.map((problem) => locateProblem(problem, source, subjectOf(value)))
  return err(problems.sort((a, b) => a.line - b.line))
}

function duplicateOf(earlier: Manifest, manifest: Manifest, source: ManifestSource): ManifestProblem {
  const first = findSource(earlier)
  const where =
    first === undefined ? '' : ` (first in document ${first.document}, line ${first.lineOf(['metadata', 'name'])})`
  const problem = {
    path: ['metadata', 'name'],
    problem: `names a manifest that stands in this file already${where}`,
    found: JSON.stringify(manifest.metadata.name),
    allowed: 'one document for each kind, namespace and name',
  }
  return locateProblem(problem, source, nameOf(manifest))
}

/** As much of a broken manifest's name as can be read. */
function subjectOf(value: unknown): string | undefined {
  const { kind, metadata } = value as { kind?: unknown; metadata?: { namespace?: unknown; name?: unknown } }
  if (typeof kind !== 'string' || kind.length > 63) return undefined
  const name = metadata?.name
  const namespace = metadata?.namespace
  if (typeof name !== 'string' || name.length > 253) return kind
  return `${kind} ${typeof namespace === 'string' && namespace.length < 64 ? `${namespace}/` : ''}${name}`
}

const sourceOf = (document: Document.Parsed, lines: LineCounter, file: string, number: number): ManifestSource => ({
  file,
  document: number,
  lineOf: (path) =>
    lineOfField(document.contents as ParsedNode | null, path, lines) ?? lines.linePos(document.range[0]).line,
})

/** A marker at the beginning of a line always ends a document, even inside quotes (YAML 1.2 §9.1.2, c-forbidden). */
function findOversized(text: string, file: string): readonly ManifestProblem[] {
  const problems: ManifestProblem[] = []
  const parts = text.split(/^(?=---(?:\s|$))/m)
  if (parts.length > MAX_DOCUMENTS) {
    const found = `${parts.length} documents`
    const allowed = `at most ${MAX_DOCUMENTS} in one file`
    return [{ file, document: 0, line: 0, subject: undefined, path: '', problem: 'is one of too many', found, allowed }]
  }
  let line = 1
  for (const [i, part] of parts.entries()) {
    const bytes = Buffer.byteLength(part)
    if (bytes > LIMITS.manifestBytes) {
      problems.push({
        file,
        document: i + 1,
        line,
        subject: undefined,
        path: '',
        problem: 'is too large',
        found: `${bytes} bytes (${Math.ceil(bytes / 1024)} KiB)`,
        allowed: `at most ${LIMITS.manifestBytes} bytes (${LIMITS.manifestBytes / 1024} KiB)`,
      })
    }
    line += part.split('\n').length - 1
  }
  return problems
}
