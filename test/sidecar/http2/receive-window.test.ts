import assert from 'node:assert/strict'
import test from 'ava'
import { ReceiveWindow } from '../../../sidecar/http2/receive-window.ts'

test('a window that was all but used up says once that it is no more, when enough is given back', () => {
  let told = 0
  const window = new ReceiveWindow(1_600, 0, () => told++)
  window.leftBytes = 99
  assert.equal(window.isClogged, true)
  assert.equal(window.credit(50), 0, 'less than what is left: it can wait')
  assert.equal(told, 0)
  assert.equal(window.credit(60), 110)
  assert.deepEqual([window.isClogged, told], [false, 1])
  assert.equal(window.credit(1_000), 1_000)
  assert.equal(told, 1)
})
