import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseManifests } from '../../../control-plane/policy/parse-manifests.ts'
import { type FuzzTarget, kindOf } from '../fuzz-target.ts'

const EXAMPLES = join(import.meta.dirname, '../../../manifests/policies')

/** YAML of people: manifests, written again as JSON, are the same; problems stand in lines that there are. */
export const manifests: FuzzTarget = {
  name: 'manifests',
  seeds: readdirSync(EXAMPLES).map((file) => readFileSync(join(EXAMPLES, file))),
  words: [
    ...[
      '---\n',
      '...\n',
      '\n',
      '  ',
      '- ',
      ': ',
      '{',
      '}',
      '[',
      ']',
      ',',
      '"',
      "'",
      '#',
      '&a ',
      '*a',
      '!!binary ',
      '!x ',
      '|\n',
      '>\n',
      '<<: ',
      '? ',
      '%YAML 1.1\n',
    ],
    ...[
      'apiVersion: ',
      'kind: Service\n',
      'metadata:\n',
      'spec:\n',
      'name: ',
      '~',
      'null',
      'yes',
      '0x10',
      '1e3',
      '.inf',
      '-1',
      '\t',
      '\xef\xbb\xbf',
      '\xff',
      '__proto__: ',
      '[[[[[[',
    ],
  ],
  maxBytes: 8_000,
  check(input) {
    const text = input.toString('utf8')
    const read = parseManifests(text, 'f.yaml')
    if (!read.ok) {
      const lines = text.split(/\r\n|\r|\n/).length
      assert(read.error.length > 0 && read.error.length <= 257, 'as many problems as there may be')
      for (const { line, problem } of read.error) {
        assert(line >= 0 && line <= lines + 1, `line ${line} of ${lines}`)
        assert.notEqual(problem, '')
      }
      return [...new Set(read.error.map(({ path, problem }) => `${kindOf(path)} ${kindOf(problem)}`))]
        .sort()
        .join(';')
        .slice(0, 300)
    }
    const again = parseManifests(read.value.map((manifest) => `--- ${JSON.stringify(manifest)}\n`).join(''), 'f.yaml')
    assert(again.ok, 'what we took, written as JSON, is taken')
    assert.deepEqual(again.value, read.value, 'manifests, written again')
    return `read ${read.value.map(({ kind }) => kind).join()}`
  },
}
