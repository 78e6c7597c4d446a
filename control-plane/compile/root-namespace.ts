import { ROOT_NAMESPACE } from '../policy/mesh-config.ts'
import type { World } from '../world/world.ts'

/** The namespace whose policies concern the whole mesh. */
export const rootNamespaceOf = (world: World): string => world.meshConfig?.spec.rootNamespace ?? ROOT_NAMESPACE
