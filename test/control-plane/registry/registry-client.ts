import { openRegistry } from '../../../control-plane/registry/open-registry.ts'
import { systemClock } from '../../../sidecar/core/clock.ts'
import { systemRandom } from '../../../sidecar/core/random.ts'

/*
 * A process of its own on a registry: `node registry-client.ts URL increment KEY TIMES` or `… URL hold KEY`, which
 * takes the lock, says so, and lives until it is ended.
 */
const [url = '', action, key = '', times = '0'] = process.argv.slice(2)
const opened = await openRegistry(url, { clock: systemClock, random: systemRandom })
if (!opened.ok) throw new Error(opened.error)
const registry = opened.value

if (action === 'hold') {
  const lock = await registry.acquireLock(key, new AbortController().signal)
  process.stdout.write(`${lock?.fencingToken}\n`)
  process.stdin.resume()
} else {
  for (let done = 0; done < Number(times); ) {
    const entry = await registry.get(key)
    if (!entry.ok) throw new Error(entry.error.detail)
    const next = Buffer.from(String(Number(entry.value?.value ?? 0) + 1))
    const written = await registry.put(key, next, { expectedVersion: entry.value?.version ?? 0 })
    if (written.ok) done += 1
    else if (written.error.kind !== 'conflict') throw new Error(written.error.detail)
  }
  await registry[Symbol.asyncDispose]()
}
