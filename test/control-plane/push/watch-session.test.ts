import assert from 'node:assert/strict'
import test from 'ava'
import { err, ok } from '../../../certs/result.ts'
import { AckTracker } from '../../../control-plane/push/ack-tracker.ts'
import type { ResourceView, VersionedResource } from '../../../control-plane/push/resource-source.ts'
import { SessionLedger } from '../../../control-plane/push/session-ledger.ts'
import { type Hello, WatchSession } from '../../../control-plane/push/watch-session.ts'
import { workloadRef } from '../../../control-plane/world/workload-ref.ts'
import type { WatchEvent } from '../../../sidecar/config/watch-protocol.ts'
import { TurnedClock } from '../../support/turned-clock.ts'

/** A session with a view and a sink that a test turns as it likes. */
function begin({ refuse }: { refuse?: string } = {}) {
  const clock = new TurnedClock()
  const acks = new AckTracker()
  const ledger = new SessionLedger()
  const account = ledger.open(WEB.identity)
  assert.ok(account.ok)
  const resources = new Map<string, VersionedResource>()
  const sent: WatchEvent[] = []
  const state = {
    room: Number.POSITIVE_INFINITY,
    ended: false,
    reason: undefined as string | undefined,
    health: [] as boolean[],
  }
  const view: ResourceView = {
    generation: 1,
    trustDomain: 'mesh.test',
    find: (_, kind, name) => resources.get(`${kind}/${name}`),
  }
  const session = new WatchSession(
    {
      clock,
      identity: WEB.identity,
      account: account.value,
      acks,
      view: () => view,
      admit: () => (refuse === undefined ? ok(undefined) : err(refuse)),
      onHealth: (_, ready) => state.health.push(ready),
      pingIntervalMs: 10_000,
      pingTimeoutMs: 5_000,
    },
    {
      write(line) {
        sent.push(JSON.parse(line))
        return --state.room > 0
      },
      end(reason) {
        state.ended = true
        state.reason = reason
      },
    },
  )
  const put = (name: string, version: string): void => {
    const resource = { kind: 'Endpoints', name, endpoints: [] } as const
    resources.set(`Endpoints/${name}`, { version, resource: { ...resource, endpoints: [] } })
  }
  const say = (...messages: object[]): void => session.onLines(messages.map((message) => JSON.stringify(message)))
  const told = (): string[] =>
    sent
      .splice(0)
      .map((event) => ('name' in event ? `${event.type} ${event.kind}/${event.name}@${event.version}` : event.type))
  return { clock, account: ledger, acks, resources, state, session, put, say, told }
}

const WEB = workloadRef('spiffe://mesh.test/ns/shop/sa/web', 'shop/web')
const HELLO: Hello = { type: 'hello', workload: 'shop/web', version: 'test', serves: [] }
const subscribe = (name: string, version?: string) => ({
  type: 'subscribe',
  kind: 'Endpoints',
  name,
  ...(version === undefined ? {} : { version }),
})
const OWN_ABSENT = ['Trust/mesh.test', 'Workload/shop/web', 'Authorization/shop/web', 'Telemetry/mesh'].map(
  (key) => `delete ${key}@absent`,
)

test('a hello is answered with what comes without asking, then synced', () => {
  const { say, told } = begin()
  say(HELLO)
  assert.deepEqual(told(), [...OWN_ABSENT, 'synced'])
})

test('a version that is held already is not sent again', () => {
  const { say, told, put } = begin()
  put('shop/a', '1')
  put('shop/b', '1')
  say(HELLO, subscribe('shop/a', '1'), subscribe('shop/b', '0'), subscribe('shop/c', 'absent'))
  assert.deepEqual(told(), [...OWN_ABSENT, 'put Endpoints/shop/b@1', 'synced'])
})

test('a change is sent once, to those who subscribed, and a deletion is told', () => {
  const { say, told, put, session, resources } = begin()
  put('shop/a', '1')
  put('shop/other', '1')
  say(HELLO, subscribe('shop/a'))
  told()
  put('shop/a', '2')
  put('shop/other', '2')
  session.onViewChanged()
  session.onViewChanged()
  assert.deepEqual(told(), ['put Endpoints/shop/a@2'])
  resources.delete('Endpoints/shop/a')
  session.onViewChanged()
  assert.deepEqual(told(), ['delete Endpoints/shop/a@absent'])
  say({ type: 'unsubscribe', kind: 'Endpoints', name: 'shop/a' })
  put('shop/a', '3')
  session.onViewChanged()
  assert.deepEqual(told(), [])
})

test('while the peer does not read, versions are not queued: the newest one goes out when there is room', () => {
  const { say, told, put, session, state } = begin()
  put('shop/a', '1')
  say(HELLO, subscribe('shop/a'))
  told()
  state.room = 1
  for (const version of ['2', '3', '4']) {
    put('shop/a', version)
    session.onViewChanged()
  }
  assert.deepEqual(told(), ['put Endpoints/shop/a@2'])
  assert.equal(session.waitingCount, 1)
  state.room = 10
  session.onDrain()
  assert.deepEqual(told(), ['put Endpoints/shop/a@4'])
})

test('a version that changed back while the peer did not read is not sent at all', () => {
  const { say, told, put, session, state } = begin()
  put('shop/a', '1')
  put('shop/b', '1')
  say(HELLO, subscribe('shop/a'), subscribe('shop/b'))
  told()
  state.room = 1
  put('shop/a', '2')
  session.onViewChanged()
  put('shop/b', '2')
  session.onViewChanged()
  put('shop/b', '1')
  state.room = 10
  session.onDrain()
  assert.deepEqual(told(), ['put Endpoints/shop/a@2'])
})

test('acknowledgements and refusals are kept, with the manifests behind what was refused', () => {
  const { say, acks, put, resources } = begin()
  put('shop/a', '1')
  say(HELLO, subscribe('shop/a'))
  say({ type: 'ack', kind: 'Endpoints', name: 'shop/a', version: '1' })
  const origin = { kind: 'HTTPRoute', namespace: 'shop', name: 'a' }
  resources.set('Endpoints/shop/b', {
    version: '1',
    resource: { kind: 'Endpoints', name: 'shop/b', endpoints: [], origin } as never,
  })
  say(subscribe('shop/b'))
  say({ type: 'nack', kind: 'Endpoints', name: 'shop/b', version: '1', reason: 'no' })
  say({ type: 'nack', kind: 'Endpoints', name: 'shop/never-asked-for', version: '1', reason: 'no' })
  assert.equal(acks.of(WEB).find(({ name }) => name === 'shop/a')?.acked, '1')
  assert.deepEqual(
    acks.refusals().map(({ workload, name, reason, manifests }) => ({ workload, name, reason, manifests })),
    [{ workload: WEB, name: 'shop/b', reason: 'no', manifests: ['HTTPRoute/shop/a'] }],
  )
  say({ type: 'ack', kind: 'Endpoints', name: 'shop/b', version: '2' })
  assert.deepEqual(acks.refusals(), [])
})

test('a peer that answers pings lives; one that does not is ended', () => {
  const { clock, say, told, state } = begin()
  say(HELLO)
  told()
  for (let i = 0; i < 5; i++) {
    clock.turn(10_000)
    assert.deepEqual(told(), ['ping'])
    clock.turn(4_999)
    say({ type: 'pong' })
  }
  clock.turn(15_000)
  assert.equal(state.reason, 'no pong in time')
})

test('what breaks the protocol ends the stream with its reason', () => {
  const cases: readonly (readonly [readonly object[], RegExp])[] = [
    [[{ type: 'pong' }], /first message/],
    [[HELLO, HELLO], /already/],
    [[HELLO, { type: 'subscribe', kind: 'Nonsense', name: 'x' }], /malformed/],
    [[HELLO, { type: 'subscribe', kind: 'Trust', name: 'other' }], /not this workload's/],
    [[HELLO, { ...subscribe('x'), extra: 1 }], /malformed/],
    [[HELLO, subscribe('orders')], /"orders" is not of the form namespace\/name/],
    [[HELLO, subscribe(`shop/${'x'.repeat(60_000)}`)], /name: must not have more than 317/],
    [[HELLO, subscribe('shop/a', 'x'.repeat(65))], /version: must not have more than 64/],
    [[{ ...HELLO, version: 'x'.repeat(65) }], /version: must not have more than 64/],
    [[{ type: 'nonsense' }], /none of the types hello,/],
    [[HELLO, ...Array.from({ length: 5_000 }, (_, i) => subscribe(`shop/s${i}`))], /more than 4096/],
  ]
  for (const [messages, reason] of cases) {
    const { say, state } = begin()
    say(...messages)
    assert.ok(state.ended)
    assert.match(state.reason ?? '', reason)
  }
})

test('who is not admitted, or says nothing, is ended', () => {
  const refused = begin({ refuse: 'not you' })
  refused.say(HELLO)
  assert.equal(refused.state.reason, 'not you')
  assert.deepEqual(refused.told(), [])
  const silent = begin()
  silent.clock.turn(5_000)
  assert.equal(silent.state.reason, 'no hello in time')
})

test('health is handed on', () => {
  const { say, state } = begin()
  say(HELLO, { type: 'health', ready: false }, { type: 'health', ready: true })
  assert.deepEqual(state.health, [false, true])
})

test('a sidecar that goes back and forth takes no more room than what it holds', () => {
  const { say, state, account } = begin()
  say(HELLO)
  const before = account.usedBytes
  for (let i = 0; i < 3; i++) {
    say(subscribe('shop/a'), subscribe('shop/a'), { type: 'unsubscribe', kind: 'Endpoints', name: 'shop/a' })
    say(
      { type: 'unsubscribe', kind: 'Endpoints', name: 'shop/a' },
      { type: 'unsubscribe', kind: 'Service', name: 'shop/z' },
    )
  }
  assert.equal(account.usedBytes, before)
  assert.equal(state.ended, false)
})

test('of a workload that refuses everything only so many reasons are kept, each short, and every refusal counts', () => {
  const { say, acks } = begin()
  say(HELLO)
  const reason = 'no'.repeat(20_000)
  for (let i = 0; i < 100; i++) {
    say(subscribe(`shop/s${i}`), { type: 'nack', kind: 'Endpoints', name: `shop/s${i}`, version: '1', reason })
  }
  const refusals = acks.refusals()
  assert.equal(refusals.length, 100)
  assert.equal(refusals.filter((refusal) => refusal.reason.startsWith('nono')).length, 64)
  assert.ok(refusals.every((refusal) => refusal.reason.length <= 1_024))
})

test('a stream that is over is written to no more', () => {
  const { clock, say, told, session, put } = begin()
  put('shop/a', '1')
  say(HELLO, subscribe('shop/a'))
  told()
  session.end()
  put('shop/a', '2')
  session.onViewChanged()
  session.onDrain()
  say({ type: 'pong' }, subscribe('shop/b'))
  clock.turn(60_000)
  assert.deepEqual(told(), [])
})

test('a peer that does not read is told that all is answered when it is', () => {
  const { say, told, put, session, state } = begin()
  put('shop/a', '1')
  state.room = 5
  say(HELLO, subscribe('shop/a'))
  assert.deepEqual(told(), [...OWN_ABSENT, 'put Endpoints/shop/a@1'])
  state.room = 10
  session.onDrain()
  assert.deepEqual(told(), ['synced'])
})

test('what a sidecar says of resources that it does not hold is not kept', () => {
  const { say, acks, put } = begin()
  put('shop/a', '1')
  say(HELLO, subscribe('shop/a'), subscribe('shop/none', 'absent'))
  say({ type: 'ack', kind: 'Endpoints', name: 'shop/never-asked-for', version: '1' })
  assert.deepEqual(acks.of(WEB), [])
  say({ type: 'nack', kind: 'Endpoints', name: 'shop/a', version: '1', reason: 'no' })
  assert.equal(acks.refusals().length, 1)
  say({ type: 'unsubscribe', kind: 'Endpoints', name: 'shop/a' })
  assert.deepEqual(acks.of(WEB), [])
})

test('a refusal of a version that is sent no more is not held against the manifests of the one that is', () => {
  const { say, acks, resources, session } = begin()
  const origin = { kind: 'HTTPRoute', namespace: 'shop', name: 'new' }
  const putWith = (version: string, more: object): unknown =>
    resources.set('Endpoints/shop/a', {
      version,
      resource: { kind: 'Endpoints', name: 'shop/a', endpoints: [], ...more } as never,
    })
  putWith('1', {})
  say(HELLO, subscribe('shop/a'))
  putWith('2', { origin })
  session.onViewChanged()
  say({ type: 'nack', kind: 'Endpoints', name: 'shop/a', version: '1', reason: 'no' })
  assert.deepEqual(acks.refusals()[0]?.manifests, [])
  say({ type: 'nack', kind: 'Endpoints', name: 'shop/a', version: '2', reason: 'no' })
  assert.deepEqual(acks.refusals()[0]?.manifests, ['HTTPRoute/shop/new'])
})

test('a sidecar is told of itself, and of no other workload', () => {
  for (const kind of ['Workload', 'Authorization', 'Telemetry'] as const) {
    const { say, state } = begin()
    say(HELLO, { type: 'subscribe', kind, name: 'shop/other' })
    assert.match(state.reason ?? '', /is not this workload's/, kind)
  }
})
