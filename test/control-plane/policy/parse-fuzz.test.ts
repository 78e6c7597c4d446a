import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import test from 'ava'
import fc from 'fast-check'
import { formatProblem } from '../../../control-plane/policy/format-problem.ts'
import { parseManifests } from '../../../control-plane/policy/parse-manifests.ts'

const EXAMPLES = new URL('../../../manifests/policies/', import.meta.url)
const CORPUS = readdirSync(EXAMPLES).map((file) => readFileSync(new URL(file, EXAMPLES), 'utf8'))

/** Whatever the text, there is an answer, and a refusal has a reason that can be printed. */
function check(text: string): void {
  const parsed = parseManifests(text, 'f.yaml')
  if (parsed.ok) return
  assert(parsed.error.length > 0)
  for (const problem of parsed.error) assert.match(formatProblem(problem), /^f\.yaml/)
}

test('parseManifests answers for any text', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), check), { numRuns: 300, seed: 21 })
  const tokens = fc.constantFrom(
    'a',
    ': ',
    '- ',
    '\n',
    '  ',
    '[',
    ']',
    '{',
    '}',
    '"',
    "'",
    '&x ',
    '*x',
    '!t ',
    '|',
    '>',
    '---\n',
    '...\n',
    '#',
    '%',
    '?',
    ',',
    '\t',
    '__proto__',
  )
  fc.assert(
    fc.property(
      fc.array(tokens, { maxLength: 40 }).map((parts) => parts.join('')),
      check,
    ),
    { numRuns: 500, seed: 22 },
  )
})

test('parseManifests answers for the examples with a piece cut out, doubled or replaced', () => {
  const edit = fc.record({
    text: fc.constantFrom(...CORPUS),
    at: fc.nat(),
    length: fc.nat(40),
    by: fc.constantFrom('', '\n', ': ', '-1', 'null', '[]', '{}', '"', '*a'),
  })
  fc.assert(
    fc.property(edit, ({ text, at, length, by }) => {
      const from = at % text.length
      check(text.slice(0, from) + by + text.slice(from + length))
      check(text.slice(0, from) + text.slice(from, from + length).repeat(2) + text.slice(from))
    }),
    { numRuns: 300, seed: 23 },
  )
})
