import { CHUNK_FAMILIES } from './chunk-families.ts'
import { FRAMING_FAMILIES } from './framing-families.ts'
import { HEAD_FAMILIES } from './head-families.ts'
import type { Family } from './smuggling-inputs.ts'

/** All families of inputs. */
export const FAMILIES: readonly Family[] = [...FRAMING_FAMILIES, ...CHUNK_FAMILIES, ...HEAD_FAMILIES]
