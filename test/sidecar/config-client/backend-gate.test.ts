import assert from 'node:assert/strict'
import test from 'ava'
import { BackendGate } from '../../../sidecar/config-client/backend-gate.ts'
import { endpoints, rule, service } from '../../support/resources.ts'

type Event = Parameters<BackendGate['admit']>[0][number]
const put = (resource: { kind: 'Service' | 'Endpoints'; name: string }): Event => ({
  type: 'put',
  kind: resource.kind,
  name: resource.name,
  version: 'v',
  resource,
})
const toV2 = put(service({ routes: [rule({ backends: [{ service: 'shop/orders-v2', port: 80, weight: 1 }] })] }))
const v2Endpoints = put(endpoints(['b'], 'shop/orders-v2'))
const v2Service = put(service({ name: 'shop/orders-v2', routes: [rule({ backends: [] })] }))
const knows =
  (...keys: readonly string[]) =>
  (key: string): boolean =>
    keys.includes(key)

test('routes to services that are known pass at once', () => {
  const gate = new BackendGate()
  const admitted = gate.admit([toV2], knows('Endpoints/shop/orders-v2', 'Service/shop/orders-v2'))
  assert.deepEqual(admitted, { now: [toV2], needs: [] })
  assert.equal(gate.isEmpty, true)
})

test('routes to an unknown service wait until it and its endpoints are known, and pass with them', () => {
  const gate = new BackendGate()
  assert.deepEqual(gate.admit([toV2], knows()), {
    now: [],
    needs: [
      { kind: 'Endpoints', name: 'shop/orders-v2' },
      { kind: 'Service', name: 'shop/orders-v2' },
    ],
  })
  assert.equal(gate.isEmpty, false)
  assert.deepEqual(gate.admit([v2Service], knows()).now, [v2Service])
  assert.deepEqual(gate.admit([v2Endpoints], knows('Service/shop/orders-v2')).now, [v2Endpoints, toV2])
  assert.equal(gate.isEmpty, true)
})

test('what arrives together is known together', () => {
  assert.deepEqual(new BackendGate().admit([toV2, v2Service, v2Endpoints], knows()).now, [toV2, v2Service, v2Endpoints])
})

test('a backend that the control plane says does not exist is waited for no longer', () => {
  const gate = new BackendGate()
  gate.admit([toV2], knows())
  const gone = (kind: 'Service' | 'Endpoints'): Event => ({
    type: 'delete',
    kind,
    name: 'shop/orders-v2',
    version: 'v',
  })
  assert.deepEqual(gate.admit([gone('Service'), gone('Endpoints')], knows()).now.at(-1), toV2)
})

test('newer routes take the place of those that wait', () => {
  const gate = new BackendGate()
  gate.admit([toV2], knows())
  const back = put(service({ routes: [rule()] }))
  assert.deepEqual(gate.admit([back], knows('Endpoints/shop/orders')).now, [back])
  assert.deepEqual(gate.admit([v2Endpoints, v2Service], knows()).now, [v2Endpoints, v2Service])
})

test('a service that is deleted is not waited for', () => {
  const gate = new BackendGate()
  gate.admit([toV2], knows())
  gate.admit([{ type: 'delete', kind: 'Service', name: 'shop/orders', version: 'w' }], knows())
  assert.equal(gate.isEmpty, true)
})

test('backends that are invalid, and resources of no shape at all, are not waited for', () => {
  const gate = new BackendGate()
  const invalid = put(
    service({ routes: [rule({ backends: [{ service: 'shop/x', port: 80, weight: 1, invalid: 'no' }] })] }),
  )
  for (const resource of [
    invalid,
    { ...invalid, resource: undefined },
    { ...invalid, resource: { routes: [3, { backends: 'x' }] } },
  ]) {
    assert.equal(gate.admit([resource as Event], knows()).now.length, 1)
  }
})
