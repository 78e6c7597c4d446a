import assert from 'node:assert/strict'
import test from 'ava'
import { registryNameOf } from '../../../control-plane/world/registry-name.ts'

test('registryNameOf makes a DNS label of name and namespace', () => {
  assert.equal(registryNameOf('shop/orders'), 'orders-shop')
  assert.equal(registryNameOf('shop/orders.v2'), 'orders-v2-shop')
})

test('registryNameOf keeps long names apart within 63 characters', () => {
  const long = 'a'.repeat(60)
  const names = [registryNameOf(`shop/${long}`), registryNameOf(`shop2/${long}`)]
  for (const name of names) assert.match(name, /^[a-z0-9][-a-z0-9]{0,61}[a-z0-9]$/)
  assert.notEqual(names[0], names[1])
})
