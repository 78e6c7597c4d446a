import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { LIMITS } from '../sidecar/core/limits.ts'
import { CliError, ExitCode } from './exit-code.ts'

/** A file with manifests, as the API takes it. */
export interface ManifestFile {
  readonly name: string
  readonly text: string
}

const MANIFEST_NAME = /\.(ya?ml|json)$/

/** Reads the files named with `-f`: a file, a folder (its .yaml, .yml and .json files, by name), or `-` for standard input. */
export function readManifestFiles(paths: readonly string[]): ManifestFile[] {
  const files = paths.flatMap((path) => (path === '-' ? [readOne('-')] : expand(path).map(readOne)))
  if (files.length === 0)
    throw new CliError(
      ExitCode.input,
      `no manifests in ${paths.join(', ')}; wanted files that end in .yaml, .yml or .json`,
    )
  return files
}

/** Files that hold nothing are a mistake of whoever wrote or named them, not an answer. */
export function assertSome(count: number, files: readonly ManifestFile[]): void {
  if (count > 0) return
  throw new CliError(ExitCode.input, `no manifest in ${files.map(({ name }) => name).join(', ')}: nothing was done`)
}

function expand(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path]
    return readdirSync(path)
      .filter((name) => MANIFEST_NAME.test(name))
      .sort()
      .map((name) => join(path, name))
  } catch (error) {
    throw unreadable(path, error)
  }
}

function readOne(path: string): ManifestFile {
  try {
    // The size is judged before the text is sent anywhere: the API would refuse it too, but later.
    if (path !== '-' && statSync(path).size > LIMITS.manifestBytes) {
      const { size } = statSync(path)
      throw new CliError(
        ExitCode.input,
        `${path}: has ${size} bytes; a file with manifests may have ${LIMITS.manifestBytes}: split it`,
      )
    }
    return { name: path === '-' ? '(standard input)' : path, text: readFileSync(path === '-' ? 0 : path, 'utf8') }
  } catch (error) {
    throw error instanceof CliError ? error : unreadable(path, error)
  }
}

const unreadable = (path: string, error: unknown): CliError =>
  new CliError(
    ExitCode.input,
    `Cannot read ${path}: ${(error as NodeJS.ErrnoException).code ?? String(error)}; name a file, a folder or - with -f`,
  )
