import type { TSchema } from 'typebox'
import type { ShapeProblem } from './shape-problems.ts'

/** The metadata that a kind's own check may look at. */
export interface CheckedMetadata {
  readonly name: string
  readonly annotations?: Readonly<Record<string, string>>
}

/** What is known of one kind of manifest: the source of its TypeScript type, of its checks and of its CRD. */
export interface KindDefinition {
  readonly kind: string
  readonly apiVersion: string
  readonly plural: string
  readonly shortNames: readonly string[]
  /** `Cluster`: one for the mesh, without namespace. */
  readonly scope: 'Namespaced' | 'Cluster'
  /** One sentence for a person. */
  readonly description: string
  /** Schema of `spec`. */
  readonly spec: TSchema
  /** Extra columns of `kubectl get`. */
  readonly columns: readonly { readonly name: string; readonly jsonPath: string }[]
  /** What a schema can't say, for a spec and metadata that the schema accepts. Paths begin at the document. */
  check(spec: never, metadata: CheckedMetadata): readonly ShapeProblem[]
}

/** Version of the kinds that are ours. */
export const OUTRIGGER_API = 'outrigger.dev/v1alpha1'
