import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { err, ok, type Result } from '../../certs/result.ts'

/** The folder of a mesh's state, taken: nobody else starts the same mesh there until it is given back. */
export interface StateDirectory extends Disposable {
  readonly path: string
}

/**
 * Makes the folder, mode 0700, and takes it. The registry and the keys of an earlier run are kept; certificates of
 * sidecars are not, for they may be of another registry, and neither are logs. The error is a paragraph for a person.
 */
export function takeStateDirectory(path: string): Result<StateDirectory, string> {
  const lock = join(path, 'up.pid')
  try {
    mkdirSync(join(path, 'control-plane'), { recursive: true, mode: 0o700 })
    const holder = readHolder(lock)
    if (holder !== undefined) {
      return err(
        `Cannot start the mesh: it runs already, as process ${holder} (${lock}). Stop that one first (ctrl-c there, or kill ${holder})`,
      )
    }
    writeFileSync(lock, `${process.pid}\n`, { mode: 0o600 })
    rmSync(join(path, 'sidecars'), { recursive: true, force: true })
    rmSync(join(path, 'logs'), { recursive: true, force: true })
  } catch (error) {
    return err(`Cannot keep the mesh's state in ${path}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`)
  }
  return ok({ path, [Symbol.dispose]: () => rmSync(lock, { force: true }) })
}

/** The process that holds the folder; undefined when there is none, or it is gone. */
function readHolder(lock: string): number | undefined {
  try {
    const pid = Number(readFileSync(lock, 'utf8').trim())
    if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return undefined
    process.kill(pid, 0)
    return pid
  } catch {
    return undefined
  }
}
