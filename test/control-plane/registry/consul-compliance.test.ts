import test from 'ava'

import { openRegistry } from '../../../control-plane/registry/open-registry.ts'
import { systemClock } from '../../../sidecar/core/clock.ts'
import { seededRandom } from '../../../sidecar/core/random.ts'
import { registrySuite } from '../../compliance/registry.suite.ts'
import { ConsulAgent, isConsulInstalled } from '../../support/consul-agent.ts'

let agent: ConsulAgent
let stores = 0

if (isConsulInstalled('compliance of the Consul registry')) {
  test.before(async () => {
    agent = await ConsulAgent.start()
  })
  test.after.always(() => agent?.[Symbol.asyncDispose]())
  registrySuite('consul', async () => {
    stores += 1
    return {
      scope: `test${stores}`,
      open: async () => {
        const opened = await openRegistry(agent.url, { clock: systemClock, random: seededRandom(stores) })
        if (!opened.ok) throw new Error(opened.error)
        return opened.value
      },
      [Symbol.asyncDispose]: async () => {},
    }
  })
} else {
  test('the Consul registry is not tested without Consul', () => {})
}
