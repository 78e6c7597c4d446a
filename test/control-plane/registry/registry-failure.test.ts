import assert from 'node:assert/strict'
import test from 'ava'

import type { ConsulFailure } from '../../../control-plane/registry/consul/consul-client.ts'
import { isUnknownCheck, toRegistryError } from '../../../control-plane/registry/consul/registry-failure.ts'
import type { RegistryError } from '../../../control-plane/registry/registry.ts'

const refused = (status: number, detail = 'no'): ConsulFailure => ({ kind: 'refused', status, detail, problems: [] })

/** What Consul answers, and whether another moment may be better. */
const KINDS: readonly (readonly [number, RegistryError['kind']])[] = [
  [400, 'denied'],
  [403, 'denied'],
  [404, 'denied'],
  [413, 'too-large'],
  [429, 'unavailable'],
  [500, 'unavailable'],
  [503, 'unavailable'],
]
for (const [status, kind] of KINDS) {
  test(`what Consul refuses with ${status} is ${kind}, and says where`, () => {
    const error = toRegistryError(refused(status), 'consul at 127.0.0.1:8500')
    assert.equal(error.kind, kind)
    assert.match(error.detail, /^consul at 127\.0\.0\.1:8500: no/)
  })
}

test('a Consul that does not answer is unavailable', () => {
  assert.deepEqual(toRegistryError({ kind: 'unreachable', detail: 'gone' }, 'consul'), {
    kind: 'unavailable',
    detail: 'consul: gone',
  })
})

const CHECKS: readonly (readonly [ConsulFailure, boolean])[] = [
  [refused(404), true],
  [refused(500, 'CheckID "service:web" does not have associated TTL'), true],
  [refused(500, 'Unknown check "service:web"'), true],
  [refused(500, 'No cluster leader'), false],
  [refused(403), false],
  [{ kind: 'unreachable', detail: 'Unknown check' }, false],
]
test('a check that the agent does not know is told from every other failure', () => {
  for (const [failure, isUnknown] of CHECKS) assert.equal(isUnknownCheck(failure), isUnknown, JSON.stringify(failure))
})
