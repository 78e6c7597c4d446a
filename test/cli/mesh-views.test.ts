import assert from 'node:assert/strict'
import test from 'ava'
import { type MeshStatus, renderView, viewOf } from '../../cli/mesh-views.ts'

const STATUS: MeshStatus = {
  services: [
    { name: 'shop/orders', ports: [{ port: 80 }], watched: true, endpoints: [] },
    { name: 'shop/pricing', ports: [{ port: 80 }], watched: false, endpoints: [] },
  ],
  workloads: [],
}

test('a service whose instances are not known does not look as if it had none', () => {
  const lines = renderView('services', viewOf('services', STATUS, undefined, undefined), 'table').split('\n')
  assert.match(lines[1] ?? '', /^shop\/orders +80 +0$/)
  assert.match(lines[2] ?? '', /^shop\/pricing +80 +not watched$/)
})
