import assert from 'node:assert/strict'
import test from 'ava'
import { type Bar, barChart, LONGEST_BAR } from '../../bench/report/bar-chart.ts'
import { joinRuns, withFigures } from '../../bench/report/page.ts'
import type { BenchRun } from '../../bench/result.ts'

const bar = (label: string, value: number, isOurs = false): Bar => ({ label, value, text: String(value), isOurs })
const lengths = (svg: string): number[] =>
  [...svg.matchAll(/<rect class="(?:bar|ours)"[^>]* width="(\d+)"/g)].map((match) => Number(match[1]))

test('bars are as long as their values, from zero', () => {
  assert.deepEqual(lengths(barChart('t', 'n', [bar('a', 50), bar('b', 100, true), bar('c', 0)])), [
    LONGEST_BAR / 2,
    LONGEST_BAR,
    1,
  ])
})

test('what is written in a chart cannot be markup, and ours is marked', () => {
  const svg = barChart('a < b', 'c & d', [bar('<script>', 1), bar('us', 2, true)])
  assert(
    !svg.includes('<script>') &&
      svg.includes('&lt;script&gt;') &&
      svg.includes('a &lt; b') &&
      svg.includes('c &amp; d'),
  )
  assert.equal(svg.match(/class="ours"/g)?.length, 1)
})

test('a chart is readable on light and on dark', () => {
  assert.match(
    barChart('t', 'n', [bar('a', 1)]),
    /\.page \{ fill: #ffffff \}.*prefers-color-scheme: dark.*\.page \{ fill: #0d1117 \}/s,
  )
})

const PAGE = 'before\n<!-- figures: written by `make bench` -->\nold\n<!-- end of figures -->\nafter\n'

test('only what stands between the marks of a page is replaced', () => {
  const once = withFigures(PAGE, 'new')
  assert(once.startsWith('before\n') && once.endsWith('\nafter\n') && once.includes('\nnew\n') && !once.includes('old'))
  assert.equal(withFigures(once, 'new'), once)
  assert.throws(() => withFigures('nothing', 'new'), /no place for figures/)
})

const run = (cpu: string, cases: readonly string[], commit: string): BenchRun => ({
  machine: { cpu, cores: 2, memoryGib: 1, kernel: 'Linux', node: '26' },
  command: '',
  absent: [{ name: 'envoy', title: 'Envoy', reason: 'not installed' }],
  cases: cases.map((name) => ({ name, rounds: 1, seconds: 1, command: '', commit, date: '', contestants: [] })),
})

test('cases of a later run replace those of an earlier one', () => {
  const joined = joinRuns([run('a', ['x', 'y'], 'first'), run('a', ['y'], 'second')])
  assert.deepEqual(
    joined.cases.map(({ name, commit }) => [name, commit]),
    [
      ['x', 'first'],
      ['y', 'second'],
    ],
  )
  assert.equal(joined.absent.length, 1)
})

test('runs of different machines are not joined', () => {
  assert.throws(() => joinRuns([run('a', [], ''), run('b', [], '')]), /different machines/)
})
