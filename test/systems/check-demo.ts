import assert from 'node:assert/strict'
import { runDemo } from './demo-run.ts'

const SERVICE_ACCOUNTS = ['inventory-v1', 'inventory-v2', 'orders', 'pricing', 'shopper', 'web']

/** Runs the demo and asserts everything that it claims. */
export async function checkDemo(args: readonly string[]): Promise<void> {
  const { code, output, result } = await runDemo(args)
  assert(result !== undefined, `the demo ended with ${code} and without its line of JSON:\n${output}`)
  assert.equal(code, 0, output)
  assert.deepEqual(Object.keys(result), [
    'requests',
    'unexpectedFailures',
    'mtls',
    'identities',
    'split',
    'denied',
    'retries',
    'tracesJoined',
    'seconds',
  ])
  assert.equal(result.unexpectedFailures, 0, output)
  assert.equal(result.mtls, true)
  assert.deepEqual(
    result.identities,
    SERVICE_ACCOUNTS.map((name) => `spiffe://local.mesh/ns/shop/sa/${name}`),
  )
  assert(result.requests >= 400, `only ${result.requests} requests`)
  assert(result.split.v1 > 0 && result.split.v2 > 0 && result.split.v2 < result.split.v1, JSON.stringify(result.split))
  assert.equal(result.denied, 20)
  assert(result.retries > 0, 'a replica died and nothing was repeated')
  assert(result.tracesJoined > 0)
}
