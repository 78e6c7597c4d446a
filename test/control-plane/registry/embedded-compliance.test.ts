import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openRegistry } from '../../../control-plane/registry/open-registry.ts'
import { systemClock } from '../../../sidecar/core/clock.ts'
import { seededRandom } from '../../../sidecar/core/random.ts'
import { registrySuite } from '../../compliance/registry.suite.ts'

registrySuite('embedded', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'outrigger-registry-'))
  return {
    scope: 'test',
    open: async () => {
      const options = { clock: systemClock, random: seededRandom(1) }
      const opened = await openRegistry(`embedded:${join(directory, 'mesh.db')}`, options)
      if (!opened.ok) throw new Error(opened.error)
      return opened.value
    },
    [Symbol.asyncDispose]: async () => rmSync(directory, { recursive: true, force: true }),
  }
})
