import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { err, ok, type Result } from '../../certs/result.ts'
import { SEAL_KEY_BYTES } from './seal.ts'

/**
 * The seal key in the file at `path`, 64 hexadecimal digits; a missing file is made, with a random key and mode 0600.
 * All replicas must be given the same key. Errors are sentences and never quote the file.
 */
export async function openSealKey(path: string): Promise<Result<Buffer, string>> {
  try {
    return read(path, await readFile(path, 'utf8'))
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT')
      return err(`Cannot read the seal key: ${messageOf(thrown)}`)
  }
  const key = randomBytes(SEAL_KEY_BYTES)
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const file = await open(path, 'wx', 0o600)
    try {
      await file.writeFile(`${key.toString('hex')}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    return ok(key)
  } catch (thrown) {
    return err(`Cannot make the seal key: ${messageOf(thrown)}`)
  }
}

function read(path: string, text: string): Result<Buffer, string> {
  const digits = text.trim()
  if (!/^[0-9a-fA-F]{64}$/.test(digits)) {
    return err(`Cannot use the seal key in "${path}": expected 64 hexadecimal digits`)
  }
  return ok(Buffer.from(digits, 'hex'))
}

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))
