import { err, ok, type Result } from '../../certs/result.ts'
import { locateProblem } from './locate-problem.ts'
import { type Manifest, manifestKey, nameOf, refOf } from './manifest.ts'
import type { ManifestProblem } from './manifest-problem.ts'
import { findSource } from './manifest-source.ts'
import { parseManifests } from './parse-manifests.ts'

/** The manifests of several files that are given together: all of them, or every problem. A name may stand in one of them only. */
export function parseManifestFiles(
  files: readonly { readonly name: string; readonly text: string }[],
  namespace: string,
): Result<readonly Manifest[], readonly ManifestProblem[]> {
  const manifests = new Map<string, Manifest>()
  const problems: ManifestProblem[] = []
  for (const { name, text } of files) {
    const parsed = parseManifests(text, name, namespace)
    if (!parsed.ok) problems.push(...parsed.error)
    for (const manifest of parsed.ok ? parsed.value : []) {
      const key = manifestKey(refOf(manifest))
      const earlier = manifests.get(key)
      if (earlier === undefined) manifests.set(key, manifest)
      else problems.push(duplicateOf(manifest, earlier))
    }
  }
  return problems.length > 0 ? err(problems) : ok([...manifests.values()])
}

function duplicateOf(manifest: Manifest, earlier: Manifest): ManifestProblem {
  const first = findSource(earlier)
  const where = first === undefined ? '' : ` (first in ${first.file}:${first.lineOf(['metadata', 'name'])})`
  const problem = {
    path: ['metadata', 'name'],
    problem: `names a manifest that was given already${where}`,
    allowed: 'one document for each kind, namespace and name',
  }
  return locateProblem(problem, findSource(manifest), nameOf(manifest))
}
