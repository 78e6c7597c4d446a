import assert from 'node:assert/strict'
import test from 'ava'
import { endureCuts } from './endure-cuts.ts'
import { cutCount } from './run-cuts.ts'

/** `make endurance` makes ten thousand; these are for every run of the tests. */
const CUT_COUNT = 150

test('connections are cut under exchanges of every kind: nobody takes a part for the whole, and nothing is left over', async (t) => {
  t.timeout(600_000)
  const told: string[] = []
  const tally = await endureCuts({ cuts: CUT_COUNT, seed: 7, say: (line) => told.push(line) })
  assert.deepEqual(tally.problems, [], told.join('\n'))
  assert(cutCount(tally) >= CUT_COUNT)
})
