import assert from 'node:assert/strict'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import test from 'ava'
import { canonicalAuthority } from '../../../sidecar/http/authority.ts'
import { RequestDecoder } from '../../../sidecar/http1/request-decoder.ts'
import { RequestHeadParser } from '../../../sidecar/http1/request-head.ts'
import { withoutQuery } from '../../../sidecar/telemetry/exchange-record.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const COUNT = 400
const MIB = 1024 * 1024

/** MiB of heap that the texts made by `make` keep. */
function kept(make: (i: number) => string): number {
  const texts: string[] = []
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < COUNT; i++) texts.push(make(i))
  collectGarbage()
  const after = process.memoryUsage().heapUsed
  assert.equal(texts.length, COUNT)
  return (after - before) / MIB
}

test('a small value of a large head does not keep the head in memory', () => {
  const pad = Array.from({ length: 7 }, (_, i) => `p${i}: ${'x'.repeat(8_000)}`).join('\r\n')
  const mib = kept((i) => {
    const decoder = new RequestDecoder(new RequestHeadParser('http'))
    decoder.push(Buffer.from(`GET / HTTP/1.1\r\nhost: a\r\n${pad}${i}\r\nx-small: value-of-a-span-${i}\r\n\r\n`))
    assert.equal(decoder.next(), 'head')
    const { fields } = decoder.request?.head ?? assert.fail()
    return fields[fields.indexOf('x-small') + 1] ?? assert.fail()
  })
  assert.ok(mib < 4, `${mib.toFixed(1)} MiB for ${COUNT} values`)
})

test('a long path is kept in part only, and the rest of it not at all', () => {
  const mib = kept((i) => withoutQuery(Buffer.alloc(60_000, `/path${i}`).toString('latin1')))
  assert.ok(mib < 4, `${mib.toFixed(1)} MiB for ${COUNT} paths`)
  assert.equal(withoutQuery(`/${'a'.repeat(1_023)}`), `/${'a'.repeat(1_023)}`)
  assert.equal(withoutQuery(`/${'a'.repeat(1_024)}?b`), `/${'a'.repeat(1_023)}…`)
  assert.equal(withoutQuery(`/a?${'b'.repeat(60_000)}`), '/a')
  assert.equal(withoutQuery('/a?b'), '/a')
})

test('no host is longer than a name can be', () => {
  const name = (length: number): string => 'a'.repeat(length)
  assert.equal(canonicalAuthority(name(253)), name(253))
  assert.equal(canonicalAuthority(`${name(253)}.:65535`), `${name(253)}:65535`)
  assert.equal(canonicalAuthority(name(262)), undefined)
})
