import assert from 'node:assert/strict'
import test from 'ava'
import { seededRandom } from '../../../sidecar/core/random.ts'
import { lifetimeMs, renewalBackoff, renewalWaitMs } from '../../../sidecar/mtls/renewal-plan.ts'
import { DAY_MS, NOON } from '../../certs/mesh-pki.ts'

const SKEW_MS = 300_000
const made = (lifeMs: number, atMs = NOON) => ({ notBeforeMs: atMs - SKEW_MS, notAfterMs: atMs + lifeMs })

test('a thousand sidecars that were certified together renew over the whole of 50–70 % of the life', () => {
  const random = seededRandom(7)
  const tenths = new Array<number>(20).fill(0)
  for (let i = 0; i < 1_000; i++) {
    const ratio = renewalWaitMs(made(DAY_MS), true, NOON, random) / DAY_MS
    assert(ratio >= 0.5 && ratio < 0.7)
    const slot = Math.floor((ratio - 0.5) * 100)
    tenths[slot] = (tenths[slot] ?? 0) + 1
  }
  assert(Math.max(...tenths) < 90, tenths.join(' '))
})

test('the life of a certificate does not count the skew that notBefore allows for, except where it is the whole', () => {
  assert.equal(lifetimeMs(made(10_000)), 10_000)
  assert.equal(lifetimeMs({ notBeforeMs: NOON, notAfterMs: NOON + 60_000 }), 60_000)
})

test('a clock that differs from the authority by more than the life makes no loop of requests', () => {
  for (const offMs of [-240_000, -5_000, 5_000, 9_999, 60_000]) {
    const waitMs = renewalWaitMs(made(10_000), true, NOON + offMs, () => 0)
    assert(waitMs >= 1_000 && waitMs <= 5_000, `${waitMs} ms at ${offMs} ms`)
  }
})

test('a short life leaves room for several tries before it ends', () => {
  const { baseMs, maxMs } = renewalBackoff(made(10_000))
  assert.deepEqual([baseMs, maxMs], [200, 1_000])
  assert.deepEqual(renewalBackoff(made(60 * DAY_MS)), { baseMs: 1_000, maxMs: 300_000 })
  assert.deepEqual(renewalBackoff(undefined), { baseMs: 250, maxMs: 15_000 })
})

test('a fresh certificate is renewed before it ends by our clock, however that differs', () => {
  for (const leftMs of [9_000, 6_000, 2_000]) {
    const waitMs = renewalWaitMs(made(10_000), true, NOON + 10_000 - leftMs, () => 0.999)
    assert(waitMs > leftMs * 0.69 && waitMs < leftMs * 0.7, `${waitMs} ms of ${leftMs} ms`)
  }
})

test('a certificate that a clock behind the authority calls not made yet is due at its share of life, not later', () => {
  assert.equal(
    renewalWaitMs(made(DAY_MS), false, NOON - 3_600_000, () => 0),
    DAY_MS * 0.5,
  )
})

test('certificates that are overdue are renewed over the tenth of what is left, and not all at once', () => {
  const overdue = (random: number): number => renewalWaitMs(made(DAY_MS), false, NOON + 0.8 * DAY_MS, () => random)
  const tenthMs = 0.02 * DAY_MS
  for (const share of [0, 0.25, 0.999]) assert(Math.abs(overdue(share) - tenthMs * share) < 1)
  assert.equal(
    renewalWaitMs(made(DAY_MS), false, NOON + 2 * DAY_MS, () => 0.5),
    0,
  )
})
