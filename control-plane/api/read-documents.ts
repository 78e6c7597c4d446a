import Type from 'typebox'
import { err, ok, type Result } from '../../certs/result.ts'
import { parserOf, toLine } from '../../sidecar/core/schema.ts'
import type { Manifest } from '../policy/manifest.ts'
import type { ManifestProblem } from '../policy/manifest-problem.ts'
import { parseManifestFiles } from '../policy/parse-manifest-files.ts'
import { type ApiError, type ApiReply, failure } from './api-reply.ts'
import type { ApiRequest } from './api-server.ts'

const Files = Type.Object(
  {
    /** Namespace of manifests that name none. */
    namespace: Type.Optional(Type.String({ pattern: '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$' })),
    files: Type.Array(
      Type.Object({ name: Type.String({ maxLength: 4096 }), text: Type.String() }, { additionalProperties: false }),
      { maxItems: 1_000 },
    ),
  },
  { additionalProperties: false },
)
const filesParser = parserOf(Files)
const ALLOWED = '{"files": [{"name": "mesh.yaml", "text": "…"}]} as JSON, or manifests as YAML'

/** The manifests in a request: YAML as it is (`?file=NAME&namespace=NAME`), or several files as JSON. All of them, or the refusal. */
export function readDocuments(request: ApiRequest): Result<readonly Manifest[], ApiReply> {
  const input = readFiles(request)
  if (!input.ok) return err(failure(400, input.error))
  const parsed = parseManifestFiles(input.value.files, input.value.namespace ?? 'default')
  return parsed.ok ? parsed : err(refusalFor(parsed.error))
}

/** 422 with all problems; the first one is the summary. */
export function refusalFor(problems: readonly ManifestProblem[]): ApiReply {
  const [first] = problems
  const { file = '', line = 0, path = '', problem = '', allowed = '' } = first ?? {}
  const place = line > 0 ? `${file}:${line}` : file
  return failure(422, {
    what: `${path === '' ? 'the document' : path} ${problem}`,
    where: first?.subject === undefined ? place : `${place} (${first.subject})`,
    allowed,
    problems,
  })
}

function readFiles(
  request: ApiRequest,
): Result<{ namespace?: string; files: { name: string; text: string }[] }, ApiError> {
  if (!request.contentType.startsWith('application/json')) {
    const namespace = request.query.get('namespace')
    const files = [{ name: request.query.get('file') ?? '(request)', text: request.body }]
    return ok(namespace === null ? { files } : { namespace, files })
  }
  let value: unknown
  try {
    value = JSON.parse(request.body)
  } catch {
    return err({ what: 'the body is not JSON', where: 'body', allowed: ALLOWED })
  }
  const parsed = filesParser.parse(value)
  return parsed.ok ? parsed : err({ what: parsed.error.map(toLine).join('; '), where: 'body', allowed: ALLOWED })
}
