import { isManifestKind, KINDS, type ManifestKind } from '../control-plane/policy/manifest.ts'
import { findNearest } from '../control-plane/policy/suggest.ts'
import { CliError, ExitCode } from './exit-code.ts'

/** A kind by any of its names, as kubectl takes them: `HTTPRoute`, `httproute`, `httproutes`, `authz`. */
export function toKind(text: string): ManifestKind {
  const wanted = text.toLowerCase()
  for (const [kind, { plural, shortNames }] of Object.entries(KINDS)) {
    const names = [kind.toLowerCase(), plural, ...shortNames]
    if (names.includes(wanted) && isManifestKind(kind)) return kind
  }
  const known = Object.values(KINDS).map(({ plural }) => plural)
  const near = findNearest(wanted, known)
  throw new CliError(
    ExitCode.usage,
    `"${text}" is not a kind${near === undefined ? '' : ` (did you mean "${near}"?)`}; known: ${known.join(', ')}`,
  )
}
