import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A release is bundles side by side, in a folder next to package.json, as the sources of this folder are. */
const isRelease = import.meta.url.endsWith('.mjs')
const pathOf = (source: string, bundle: string): string =>
  fileURLToPath(new URL(isRelease ? bundle : source, import.meta.url))

/** What runs the `outrigger` command on this Node. */
export const COMMAND_FILE = pathOf('main.ts', 'main.mjs')

/** The program of a `ProgramGuard`. */
export const GUARD_FILE = pathOf('up/guard-process.ts', 'guard-process.mjs')

/** Version of this release, from package.json. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
).version
