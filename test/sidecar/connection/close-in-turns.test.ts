import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import test from 'ava'
import { closeInTurns } from '../../../sidecar/connection/close-in-turns.ts'
import { turn } from '../../support/fake-socket.ts'

const closedOf = (sockets: readonly Socket[]): number => sockets.filter(({ destroyed }) => destroyed).length

test('a few sockets are closed at once; of many, as few in each turn, in their order, until all are', async () => {
  const few = Array.from({ length: 16 }, () => new Socket())
  for (const socket of few) closeInTurns(socket)
  assert.equal(closedOf(few), 16)
  const many = Array.from({ length: 40 }, () => new Socket())
  for (const socket of many) closeInTurns(socket)
  assert.equal(closedOf(many), 0, 'this turn has had its share')
  await turn()
  const late = new Socket()
  closeInTurns(late)
  assert.deepEqual([closedOf(many), late.destroyed], [16, false])
  assert.equal(closedOf(many.slice(0, 16)), 16)
  for (let i = 0; i < 3; i++) await turn()
  assert.deepEqual([closedOf(many), late.destroyed], [40, true])
})
