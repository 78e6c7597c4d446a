import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from './eventually.ts'
import type { TestMesh } from './mesh.ts'

/** Key and chain that the sidecar of a workload keeps, for who would be that workload; it serves before they are on the disk. */
export async function keptIdentity(
  mesh: TestMesh,
  workload: string,
): Promise<{ readonly key: string; readonly cert: string }> {
  const file = join(mesh.directory, `state-${workload}`, 'identity.json')
  await eventually('the identity is kept', () => existsSync(file))
  const text = await readFile(file, 'utf8')
  const { keyPem, chainPem } = JSON.parse(JSON.parse(text).body)
  return { key: keyPem, cert: chainPem.join('') }
}
