import assert from 'node:assert/strict'
import test from 'ava'
import { KeptBody } from '../../../sidecar/pipeline/kept-body.ts'
import { ReplayBuffer, ReplayMemory } from '../../../sidecar/resilience/replay-buffer.ts'
import { RecordingUpstream } from '../../support/recording-streams.ts'

/** A body of which ten octets may be kept for another try. */
function stage() {
  const memory = new ReplayMemory()
  const body = new KeptBody(() => new ReplayBuffer(memory, 10))
  const sent = (): string => {
    const up = new RecordingUpstream({} as RecordingUpstream['sink'])
    body.sendTo(up)
    return up.body
  }
  return { memory, body, keep: (text: string, isSent: boolean) => body.keep(Buffer.from(text), isSent), sent }
}

test('what fits is kept for another try, whether a stream has it or not', () => {
  const { body, keep, sent } = stage()
  keep('abc', false)
  keep('defg', true)
  assert.deepEqual([sent(), body.canReplay], ['abcdefg', true])
})

test('what does not fit is kept while no stream has it, behind what fits', () => {
  const { body, keep, sent } = stage()
  keep('abcdefgh', false)
  keep('ijkl', false)
  keep('m', false)
  assert.deepEqual([sent(), body.canReplay], ['abcdefghijklm', false])
})

test('what does not fit and was sent is kept by nobody: a long body costs no memory', () => {
  const { body, keep, sent, memory } = stage()
  for (let i = 0; i < 100; i++) keep('0123456789a', true)
  assert.deepEqual([sent(), body.canReplay, memory.heldBytes], ['', false, 0])
})

test('released memory is given back', () => {
  const { body, keep, sent, memory } = stage()
  keep('abc', false)
  assert.equal(memory.heldBytes, 3)
  body.release()
  body.release()
  assert.deepEqual([sent(), memory.heldBytes], ['', 0])
})
