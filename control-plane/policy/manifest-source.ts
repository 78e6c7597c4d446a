import type { Manifest } from './manifest.ts'
import type { FieldPath } from './shape-problems.ts'

/** Where a manifest was read. */
export interface ManifestSource {
  readonly file: string
  /** From 1. */
  readonly document: number
  /** Line of a field, from 1; of what holds it when it is absent. */
  lineOf(path: FieldPath): number
}

// Beside the manifest, not in it: a manifest is stored and hashed as it is, and must not carry its author's paths.
const SOURCES = new WeakMap<Manifest, ManifestSource>()

/** Remembers where a manifest was read, as long as the manifest lives. */
export const rememberSource = (manifest: Manifest, source: ManifestSource): void => {
  SOURCES.set(manifest, source)
}

/** Where this manifest object was read; undefined when it came from no file. */
export const findSource = (manifest: Manifest): ManifestSource | undefined => SOURCES.get(manifest)
