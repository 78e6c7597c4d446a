import { parseArgs } from 'node:util'
import { endureCuts } from './endure-cuts.ts'

/*
 * Cuts connections under exchanges of every kind, and judges what each end got:
 * `node test/endurance/cuts.ts --cuts 10000 --seed 1`. Ends with 1 when anything was wrong.
 */

const { values: flags } = parseArgs({
  options: {
    cuts: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
})

const tally = await endureCuts({
  cuts: Number(flags.cuts),
  seed: Number(flags.seed),
  only: flags.only,
  say: (line) => console.log(line),
})
process.exitCode = tally.problems.length === 0 ? 0 : 1
