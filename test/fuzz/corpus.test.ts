import test from 'ava'
import { corpusOf } from './corpus.ts'
import { targets } from './targets.ts'

for (const target of targets) {
  test(`${target.name}: every seed, and every input that was found once, keeps the invariants`, () => {
    for (const input of [...target.seeds, ...corpusOf(target.name)]) target.check(input)
  })
}
