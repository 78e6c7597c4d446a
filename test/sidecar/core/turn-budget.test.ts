import assert from 'node:assert/strict'
import test from 'ava'
import { TurnBudget } from '../../../sidecar/core/turn-budget.ts'

/** Messages that begin in one turn, each with a head of so many octets. */
function messagesIn(budget: TurnBudget, headBytes: number): number {
  budget.renew()
  let count = 0
  for (; budget.left > 0; count++) budget.takeMessage(headBytes)
  return count
}

test('what is given up costs what the turn has for it, however little its beginning did', () => {
  const budget = new TurnBudget(512, 128, 32)
  budget.renew()
  let count = 0
  for (; budget.left > 0; count++) {
    budget.takeMessage()
    budget.takeCancel()
  }
  assert.equal(count, Math.ceil(512 / (4 + 16)))
})

test('a turn takes so many messages, fewer with long heads, and one however long its head is', () => {
  const budget = new TurnBudget(512, 32)
  assert.deepEqual(
    [0, 255, 1_024, 65_536, 10_000_000].map((headBytes) => messagesIn(budget, headBytes)),
    [32, 32, 26, 2, 1],
  )
})
