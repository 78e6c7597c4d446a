import assert from 'node:assert/strict'
import test from 'ava'
import { seededRandom } from '../../../sidecar/core/random.ts'
import type { Exchange } from '../../../sidecar/pipeline/exchange.ts'
import { newNotes } from '../../../sidecar/pipeline/exchange-notes.ts'
import type { LaneDeps } from '../../../sidecar/pipeline/lane-deps.ts'
import { decideFirst } from '../../../sidecar/pipeline/lane-tracing.ts'
import { requestHead } from '../../support/recording-streams.ts'
import { endpoints, service } from '../../support/resources.ts'
import { TurnedClock } from '../../support/turned-clock.ts'
import { facts, load, snapshot } from '../../support/worlds.ts'

/** The steps that were noted of a first decision; undefined: nothing was. */
function steps(authority: string, traceparent: string, samplingRatio = 0): readonly string[] | undefined {
  const notes = newNotes()
  notes.facts = facts({ authority })
  const deps = {
    random: seededRandom(1),
    tracing: { samplingRatio },
    snapshots: { current: snapshot(service(), endpoints(['a'])) },
    load: load(),
    clock: new TurnedClock(),
  }
  const head = requestHead({ fields: ['traceparent', traceparent] })
  decideFirst(deps as unknown as LaneDeps, { notes, head } as unknown as Exchange)
  return notes.recorder?.steps.map(({ step }) => step)
}

const trace = (flags: string): string => `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-${flags}`

test('a request that is traced notes how it was decided, one that is not notes nothing', () => {
  assert(steps('orders', trace('01'))?.includes('endpoint-picked'))
  assert.equal(steps('orders', trace('00')), undefined)
  assert(steps('orders', 'none', 1)?.includes('endpoint-picked'))
  assert.equal(steps('orders', 'none', 0), undefined)
})

test('a refusal notes how it was decided, traced or not, once', () => {
  const traced = steps('nobody', trace('01'))
  assert(traced !== undefined && traced.length > 0)
  assert.deepEqual(steps('nobody', trace('00')), traced)
})
