import assert from 'node:assert/strict'
import test from 'ava'
import fc from 'fast-check'
import { PUSH_LIMITS } from '../../../control-plane/push/push-limits.ts'
import { type SessionAccount, SessionLedger } from '../../../control-plane/push/session-ledger.ts'

function opened(ledger: SessionLedger, identity: string): SessionAccount {
  const account = ledger.open(identity)
  assert.ok(account.ok)
  return account.value
}
/** How often a name of `length` octets can be taken before it is refused, and why it is. */
function takeAll(account: SessionAccount, length: number): { readonly count: number; readonly why: string } {
  for (let count = 0; ; count++) {
    const taken = account.take('x'.repeat(length))
    if (!taken.ok) return { count, why: taken.error }
  }
}

test('the names of one stream are bounded in octets, whatever their number', () => {
  const ledger = new SessionLedger()
  const { count, why } = takeAll(opened(ledger, 'a'), 317)
  assert.equal(count, Math.floor(PUSH_LIMITS.subscriptionsPerSessionBytes / (317 + 256)))
  assert.match(why, /this stream/)
})

test('a stream of a large mesh has room for as many subscriptions as it may have', () => {
  const account = opened(new SessionLedger(), 'a')
  for (let i = 0; i < PUSH_LIMITS.subscriptionsPerSessionCount; i++) assert.ok(account.take('x'.repeat(127)).ok)
})

test('the streams of one identity share a bound, and another identity has its own', () => {
  const ledger = new SessionLedger()
  let last = ''
  for (let i = 0; i < 40; i++) last = takeAll(opened(ledger, 'greedy'), 317).why
  assert.match(last, /subscriptions of greedy/)
  assert.match(takeAll(opened(ledger, 'modest'), 317).why, /this stream/)
})

test('all identities together have a bound', () => {
  const ledger = new SessionLedger()
  let last = ''
  for (let i = 0; i < 300; i++) last = takeAll(opened(ledger, `identity ${i >> 4}`), 317).why
  assert.match(last, /all sidecars/)
})

test('streams in all have a bound', () => {
  const ledger = new SessionLedger()
  for (let i = 0; i < PUSH_LIMITS.sessionCount; i++) assert.ok(ledger.open(`identity ${i}`).ok)
  const over = ledger.open('one more')
  assert.match(over.ok ? '' : over.error, /10000 streams/)
})

test('whatever is taken, given back and closed: nothing is left when all is closed', () => {
  const step = fc.record({
    session: fc.nat(5),
    name: fc.string({ maxLength: 20 }),
    act: fc.constantFrom('take', 'close'),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const ledger = new SessionLedger()
      const accounts = Array.from({ length: 6 }, (_, i) => opened(ledger, `identity ${i % 2}`))
      for (const { session, name, act } of steps) {
        if (act === 'close') accounts[session]?.close()
        else if (accounts[session]?.take(name).ok === true && name.length % 2 === 0) accounts[session]?.give(name)
      }
      for (const account of accounts) account.close()
      assert.equal(ledger.identityCount, 0)
      assert.equal(ledger.usedBytes, 0)
    }),
    { numRuns: 200, seed: 5 },
  )
})
