import assert from 'node:assert/strict'
import test from 'ava'
import { findDurationMs } from '../../../control-plane/policy/duration.ts'

test('findDurationMs reads the durations of GEP-2257', () => {
  const known = { '0s': 0, '1h': 3_600_000, '1m30s': 90_000, '10s500ms': 10_500, '2h1m10s5ms': 7_270_005, '500ms': 500 }
  for (const [text, ms] of Object.entries(known)) assert.equal(findDurationMs(text), ms, text)
})

test('findDurationMs refuses what GEP-2257 refuses', () => {
  for (const text of ['', '1', '1.5s', '-1s', '1d', '100000s', '1h1m1s1ms1h', ' 1s', '1s ', '1µs', '1S']) {
    assert.equal(findDurationMs(text), undefined, text)
  }
})
