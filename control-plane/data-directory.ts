import { mkdir } from 'node:fs/promises'
import { err, ok, type Result } from '../certs/result.ts'

/** Makes the control plane's folder where it is not there: keys stand in it, so nobody else reads it. The error is a sentence. */
export async function makeDataDirectory(path: string): Promise<Result<void, string>> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
    return ok(undefined)
  } catch (error) {
    return err(`Cannot make the data directory "${path}": ${(error as NodeJS.ErrnoException).code ?? String(error)}`)
  }
}
