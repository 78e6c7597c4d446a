import { type MeshError, meshError } from '../core/mesh-errors.ts'

/** What a try hears that a pool can't carry any more: nothing of it was sent. */
export const POOL_ENDS: MeshError = meshError('connect-failure', 'this sidecar ends')
