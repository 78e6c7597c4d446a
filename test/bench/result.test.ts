import assert from 'node:assert/strict'
import test from 'ava'
import type { BenchCase } from '../../bench/case.ts'
import { CASES, QUICK } from '../../bench/cases.ts'
import { CONTESTANTS } from '../../bench/contestants/contestants.ts'
import {
  type CaseResult,
  type ContestantResult,
  judge,
  medianOf,
  medianRatio,
  toVerdict,
  withAdded,
} from '../../bench/result.ts'

type Name = ContestantResult['name']

/** A contestant whose rounds found these requests a second; `undefined` is a round with errors. */
const contestant = (name: Name, values: readonly (number | undefined)[], p99Ms = 1): ContestantResult => ({
  ...{ name, title: name, version: '1' },
  samples: values.map((value, at) => ({
    round: at + 1,
    errors: value === undefined ? 3 : 0,
    figures: { requestsPerSecond: value ?? 1e9, p99Ms },
  })),
})

test('rounds with errors count for nothing', () => {
  assert.equal(medianOf(contestant('outrigger', [10, undefined, 30]), 'requestsPerSecond'), 20)
  assert.equal(medianOf(contestant('outrigger', [undefined]), 'requestsPerSecond'), undefined)
})

test('a ratio is the median of the ratios of rounds that are valid for both', () => {
  const ours = contestant('outrigger', [100, 50, undefined, 10])
  const theirs = contestant('envoy', [50, 100, 1, 10])
  assert.equal(medianRatio(ours, theirs, 'requestsPerSecond'), 1)
  assert.equal(medianRatio(ours, contestant('envoy', [undefined, undefined, 1]), 'requestsPerSecond'), undefined)
  assert.equal(medianRatio(ours, undefined, 'requestsPerSecond'), undefined)
})

test('where more is better a figure is to be above its marks, else below', () => {
  assert.deepEqual(
    [1.2, 1, 0.9, 0.8, 0.7].map((value) => toVerdict(value, 1, 0.8)),
    ['reached', 'reached', 'below goal', 'below goal', 'below floor'],
  )
  assert.deepEqual(
    [60, 70, 80, 90, 91].map((value) => toVerdict(value, 70, 90)),
    ['reached', 'reached', 'below goal', 'below goal', 'below floor'],
  )
  assert.equal(toVerdict(undefined, 1, 0.8), 'no figure')
  assert.equal(toVerdict(Number.NaN, 1, 0.8), 'no figure')
})

test('targets are judged beside the peer that they name, or by themselves', () => {
  const benchCase: BenchCase = {
    ...{ name: 'x', title: 'x', wire: 'http', load: { tool: 'wrk', path: '/', connections: 1 }, metrics: [] },
    targets: [
      { metric: 'requestsPerSecond', peer: 'nginx', goal: 2, floor: 1 },
      { metric: 'p99Ms', peer: undefined, goal: 5, floor: 9 },
      { metric: 'requestsPerSecond', peer: 'envoy', goal: 2, floor: 1 },
    ],
  }
  const result: CaseResult = {
    ...{ name: 'x', rounds: 1, seconds: 1, command: '', commit: '', date: '' },
    contestants: [contestant('outrigger', [150], 7), contestant('nginx', [100])],
  }
  assert.deepEqual(
    judge(benchCase, result).map(({ value, theirs, verdict }) => [value, theirs, verdict]),
    [
      [1.5, 100, 'below goal'],
      [7, undefined, 'below goal'],
      [undefined, undefined, 'no figure'],
    ],
  )
})

test('latency is added to the direct load of the same round', () => {
  const direct = contestant('direct', [1, undefined], 2)
  const [, ours] = withAdded([direct, contestant('outrigger', [1, 1], 5)])
  assert.deepEqual(
    ours?.samples.map(({ figures }) => figures.addedP99Ms),
    [3, undefined],
  )
})

test('every target names a figure that its case shows and a contestant that carries such traffic', () => {
  for (const { name, wire, metrics, targets } of CASES) {
    for (const { metric, peer } of targets) {
      assert(metrics.includes(metric), `${name} does not show ${metric}`)
      const kind = CONTESTANTS.find((one) => one.name === peer)
      assert(peer === undefined || kind?.wires.includes(wire), `${name}: ${peer} does not carry ${wire}`)
    }
  }
})

test('the quick row has a target beside the peer that it is measured beside', () => {
  const quick = CASES.find(({ name }) => name === QUICK.name)
  assert(quick?.targets.some(({ peer }) => peer !== undefined && QUICK.contestants.includes(peer)))
})
