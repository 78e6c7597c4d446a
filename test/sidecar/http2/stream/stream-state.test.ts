import assert from 'node:assert/strict'
import test from 'ava'
import { nextState, StreamEvent, StreamState } from '../../../../sidecar/http2/stream/stream-state.ts'

const { idle, open, halfClosedLocal, halfClosedRemote, closed } = StreamState

// RFC 9113 §5.1, figure 2, without push: every arrow there, and no other.
const ARROWS: [StreamState, keyof typeof StreamEvent, StreamState][] = [
  [idle, 'sendHeaders', open],
  [idle, 'receiveHeaders', open],
  [open, 'sendHeaders', open],
  [open, 'receiveHeaders', open],
  [open, 'sendData', open],
  [open, 'receiveData', open],
  [open, 'sendEnd', halfClosedLocal],
  [open, 'receiveEnd', halfClosedRemote],
  [open, 'reset', closed],
  [halfClosedLocal, 'receiveHeaders', halfClosedLocal],
  [halfClosedLocal, 'receiveData', halfClosedLocal],
  [halfClosedLocal, 'receiveEnd', closed],
  [halfClosedLocal, 'reset', closed],
  [halfClosedRemote, 'sendHeaders', halfClosedRemote],
  [halfClosedRemote, 'sendData', halfClosedRemote],
  [halfClosedRemote, 'sendEnd', closed],
  [halfClosedRemote, 'reset', closed],
]

test('nextState draws the figure of RFC 9113 §5.1, and refuses every other event', () => {
  for (const state of Object.values(StreamState)) {
    for (const [name, event] of Object.entries(StreamEvent)) {
      const arrow = ARROWS.find(([from, label]) => from === state && label === name)
      assert.equal(nextState(state, event), arrow?.[2], `${name} in ${state}`)
    }
  }
})
