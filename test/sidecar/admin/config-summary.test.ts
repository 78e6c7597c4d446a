import assert from 'node:assert/strict'
import test from 'ava'
import { type ShownLoad, toConfigSummary, toEndpointSummary } from '../../../sidecar/admin/config-summary.ts'
import type { Endpoint } from '../../../sidecar/config/resources.ts'
import { EMPTY_SNAPSHOT, type Snapshot } from '../../../sidecar/config/snapshot.ts'

const ENDPOINT: Endpoint = {
  id: 'orders-1:8080',
  workload: 'shop/orders-1',
  address: '127.0.0.1',
  transport: 'mesh',
  port: 15008,
  appPort: 8080,
  protocol: 'http',
  identity: 'spiffe://d/ns/shop/sa/orders',
  weight: 1,
  labels: {},
}
const SNAPSHOT: Snapshot = {
  ...EMPTY_SNAPSHOT,
  generation: 5,
  trust: { kind: 'Trust', name: 'd', rootsPem: ['a', 'b'], sequence: 2 },
  endpoints: new Map([['shop/orders', { kind: 'Endpoints', name: 'shop/orders', endpoints: [ENDPOINT] }]]),
  versions: new Map([['Endpoints/shop/orders', '9']]),
}
const LOAD: ShownLoad = {
  cost: () => 1.5,
  inFlight: () => 2,
  isEjected: () => true,
  serviceInFlight: () => 3,
}

test('the summary of an empty snapshot is an answer too', () => {
  assert.deepEqual(JSON.parse(JSON.stringify(toConfigSummary(EMPTY_SNAPSHOT))), {
    generation: 0,
    versions: {},
    services: [],
  })
})

test('the summary counts roots rather than printing them, and names versions', () => {
  assert.deepEqual(JSON.parse(JSON.stringify(toConfigSummary(SNAPSHOT))), {
    generation: 5,
    trust: { name: 'd', sequence: 2, roots: 2 },
    versions: { 'Endpoints/shop/orders': '9' },
    services: [],
  })
})

test('endpoints are shown with their load and ejection', () => {
  assert.deepEqual(toEndpointSummary(SNAPSHOT, LOAD), {
    generation: 5,
    services: [
      {
        name: 'shop/orders',
        inFlight: 3,
        endpoints: [
          {
            id: 'orders-1:8080',
            address: '127.0.0.1:15008',
            transport: 'mesh',
            identity: 'spiffe://d/ns/shop/sa/orders',
            weight: 1,
            cost: 1.5,
            inFlight: 2,
            isEjected: true,
          },
        ],
      },
    ],
  })
})
