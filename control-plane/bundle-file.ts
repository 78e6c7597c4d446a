import { randomUUID } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { err, ok, type Result } from '../certs/result.ts'

/** Writes the roots (PEM) to `path`, whole or not at all, readable by all: they are no secret, and sidecars begin with them. */
export async function writeBundleFile(path: string, rootsPem: readonly string[]): Promise<Result<void, string>> {
  const draft = `${path}.${randomUUID()}.tmp`
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const file = await open(draft, 'wx', 0o644)
    try {
      await file.writeFile(rootsPem.join(''))
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, path)
    return ok(undefined)
  } catch (thrown) {
    await rm(draft, { force: true }).catch(() => undefined)
    return err(`Cannot write the root bundle "${path}": ${thrown instanceof Error ? thrown.message : String(thrown)}`)
  }
}
