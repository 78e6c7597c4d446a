import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'ava'
import { EmbeddedRegistry } from '../../../control-plane/registry/embedded/embedded-registry.ts'
import { systemClock } from '../../../sidecar/core/clock.ts'
import { seededRandom } from '../../../sidecar/core/random.ts'
import { unwrap } from '../../certs/mesh-pki.ts'
import { eventually } from '../../support/eventually.ts'
import { startTestMesh } from '../../support/mesh.ts'
import { TestApp } from '../../support/mesh-app.ts'

const LEDGER = `apiVersion: v1
kind: Service
metadata: {name: ledger, namespace: default}
spec: {ports: [{port: 80, name: http}]}
`
/** Names that only the mesh may say, as callers forge them. */
const FORGED = {
  'x-forwarded-client-cert': 'URI=spiffe://mesh.test/ns/shop/sa/admin',
  X_Forwarded_Client_Cert: 'URI=spiffe://mesh.test/ns/shop/sa/admin',
  'x-outrigger-port': '1',
  'x-outrigger-wire': 'h2',
  'l5d-client-id': 'admin',
}
/** … and as an application does. */
const CLAIMED = { 'x-outrigger-error': 'denied', 'x-outrigger-upgrade': 'declined', 'x-mesh-attempt': '7' }
const isMeshOwn = (name: string): boolean =>
  /^(x-outrigger-|x-mesh-|l5d-|x-forwarded-client)/.test(name.replaceAll('_', '-'))

test('an application without a sidecar hears none of the mesh’s own fields, and its callers hear none from it', async () => {
  const heard: string[][] = []
  await using ledger = await TestApp.startHttp(
    (request, response) => {
      heard.push(Object.keys(request.headers))
      for (const [name, value] of Object.entries(CLAIMED)) response.setHeader(name, value)
      response.writeHead(409, { 'x-own': '1' }).end('of the application')
    },
    { workload: 'ledger', call: assert.fail },
    60_000,
  )
  await using mesh = await startTestMesh({ services: {}, callers: ['web'], manifests: LEDGER })
  // as somebody registers it who knows nothing of the mesh
  const path = join(mesh.directory, 'registry.db')
  await using registry = unwrap(EmbeddedRegistry.open(path, { clock: systemClock, random: seededRandom(1) }))
  const { port } = ledger
  unwrap(
    await registry.register(
      { id: 'ledger-1', service: 'ledger', address: '127.0.0.1', port, meta: {}, tags: [] },
      3_600_000,
    ),
  )
  const web = mesh.workload('web')
  const call = () => web.callByHost('ledger.default', '/', { headers: { ...FORGED, 'x-own': '1' } })
  await eventually('it is known', async () => (await call()).text === 'of the application')
  heard.length = 0
  const { status, headers } = await call()
  assert.deepEqual([status, headers['x-own']], [409, '1'])
  assert.deepEqual(Object.keys(headers).filter(isMeshOwn), [])
  assert.equal(heard[0]?.includes('x-own'), true)
  assert.deepEqual(heard[0].filter(isMeshOwn), [])
  assert.equal(heard[0].includes('traceparent'), true, 'a trace that begins here does not end at once')
  await web.callByHost('ledger.default', '/', { headers: { 'x-outrigger-hops': '4' } })
  assert.equal(heard[1]?.includes('x-outrigger-hops'), true, 'a loop through it would be noticed')
})
