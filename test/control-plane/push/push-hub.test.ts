import assert from 'node:assert/strict'
import test from 'ava'
import { err, ok } from '../../../certs/result.ts'
import { type PeerIdentity, PushHub } from '../../../control-plane/push/push-hub.ts'
import { PUSH_LIMITS } from '../../../control-plane/push/push-limits.ts'
import type { ResourceView } from '../../../control-plane/push/resource-source.ts'
import { workloadRef } from '../../../control-plane/world/workload-ref.ts'
import type { World } from '../../../control-plane/world/world.ts'
import type { Registration } from '../../../sidecar/config/watch-protocol.ts'
import { manifests, meshWorld } from '../../support/mesh-world.ts'
import { TurnedClock } from '../../support/turned-clock.ts'

const peer = (account: string, namespace = 'shop'): PeerIdentity => ({
  spiffeId: `spiffe://mesh.local/ns/${namespace}/sa/${account}`,
  namespace,
  serviceAccount: account,
  notAfterMs: 1_000_000,
})
const WEB = peer('web')
const THIEF = peer('thief')
const EMPTY: ResourceView = { generation: 1, trustDomain: 'mesh.local', find: () => undefined }
const serves = (service: string, labels: Record<string, string> = {}): Registration => ({
  service,
  port: 80,
  appPort: 8080,
  protocol: 'http',
  address: '10.0.0.1',
  meshPort: 15008,
  labels,
})

/** A world with a Service `shop/web` that these accounts may serve; without them it says nothing of accounts. */
const worldWith = (accounts?: string): World =>
  meshWorld(
    manifests(
      `apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n${accounts === undefined ? '' : `  annotations: {outrigger.dev/service-accounts: "${accounts}"}\n`}spec: {ports: [{port: 80}]}\n`,
    ),
  )

function hub(world = meshWorld([])) {
  const registered: string[] = []
  const sidecars: string[] = []
  const state: { world: World | undefined; full: string | undefined } = { world, full: undefined }
  const short = (key: string): string => key.replace(/.*\/sa\/(\S+) (.*)/, '$2@$1')
  const pushed = new PushHub({
    clock: new TurnedClock(),
    registrar: {
      attach: ({ key }, instances) => {
        if (state.full !== undefined) return err(state.full)
        registered.push(`attach ${short(key)} ${instances.map(({ id }) => id).join()}`)
        return ok(undefined)
      },
      detach: ({ key }) => registered.push(`detach ${short(key)}`),
      release: ({ key }) => registered.push(`release ${short(key)}`),
      setReady: ({ key }, ready) => registered.push(`ready ${short(key)} ${ready}`),
    },
    world: () => state.world,
    view: () => EMPTY,
    onWorkloads: () => undefined,
    onSidecar: (what, { workload, reason = '' }) => sidecars.push(`${what} ${workload} ${reason}`.trim()),
    pingIntervalMs: 10_000,
    pingTimeoutMs: 10_000,
  })
  const connect = (workload: string, as = WEB, what: readonly Registration[] = []) => {
    const seen = { reason: undefined as string | undefined, isOver: false }
    const end = (reason: string | undefined): void => {
      seen.reason = reason
      seen.isOver = true
    }
    const opened = pushed.open(as, { write: () => true, end })
    assert.ok(opened.ok)
    const { session, closed } = opened.value
    session.onLines([JSON.stringify({ type: 'hello', workload, version: 'test', serves: what })])
    return { state: seen, session, closed }
  }
  const names = (): readonly string[] => pushed.workloads.map(({ ref }) => short(ref.key))
  return { pushed, registered, sidecars, connect, names, state }
}

test('a workload is registered when it comes and let go when it leaves', () => {
  const { pushed, registered, connect, names } = hub()
  const { closed } = connect('shop/web', WEB, [serves('shop/web')])
  assert.deepEqual(names(), ['shop/web@web'])
  assert.deepEqual([...pushed.asWorkloads.values()][0]?.identity, WEB.spiffeId)
  closed()
  assert.deepEqual(pushed.workloads, [])
  assert.deepEqual(registered, ['attach shop/web@web shop.web:web:shop.web:80', 'detach shop/web@web'])
})

test('a new stream of the same workload takes the place of the old one, whose end changes nothing', () => {
  const { pushed, registered, connect } = hub()
  const first = connect('shop/web')
  const second = connect('shop/web')
  assert.match(first.state.reason ?? '', /connected anew/)
  first.closed()
  first.session.onLines(['{"type":"health","ready":false}'])
  assert.equal(pushed.find(workloadRef(WEB.spiffeId, 'shop/web'))?.session, second.session)
  assert.ok(!registered.includes('detach shop/web@web'))
  assert.ok(!registered.includes('ready shop/web@web false'))
})

test('who calls itself by the name of another is another workload: nothing of that one is touched, at no time', () => {
  const { pushed, registered, connect, names } = hub()
  const victim = connect('shop/web', WEB, [serves('shop/web')])
  const squatter = connect('shop/web', THIEF)
  assert.equal(victim.state.isOver, false)
  assert.deepEqual(names(), ['shop/web@thief', 'shop/web@web'])
  squatter.closed()
  assert.ok(pushed.find(workloadRef(WEB.spiffeId, 'shop/web')) !== undefined)
  // While the victim is away its name is taken again; it comes back all the same.
  victim.closed()
  connect('shop/web', THIEF)
  const back = connect('shop/web', WEB, [serves('shop/web')])
  assert.equal(back.state.reason, undefined)
  assert.deepEqual(
    registered.filter((line) => line.includes('@web')),
    [
      'attach shop/web@web shop.web:web:shop.web:80',
      'detach shop/web@web',
      'attach shop/web@web shop.web:web:shop.web:80',
    ],
  )
})

test('who serves what its service account may not is refused, and told how it could', () => {
  const { connect, names, registered } = hub()
  const { state } = connect('shop/thief', THIEF, [serves('shop/web')])
  assert.match(
    state.reason ?? 'admitted',
    /^service account "thief" may not serve shop\/web, only "web" may: run the workload as one of these \(serviceAccount in a mesh file, --service-account of a sidecar\), or list it in the manifest of Service shop\/web: outrigger\.dev\/service-accounts: "web, thief"$/,
  )
  assert.deepEqual([names(), registered], [[], []])
})

test("a Service's list of accounts counts alone: whoever is in it may serve, and the account of its name only then", () => {
  const listed = hub(worldWith('web-canary, web-next'))
  assert.equal(listed.connect('shop/a', peer('web-canary'), [serves('shop/web')]).state.reason, undefined)
  assert.equal(listed.connect('shop/b', peer('web-next'), [serves('shop/web')]).state.reason, undefined)
  assert.match(listed.connect('shop/c', WEB, [serves('shop/web')]).state.reason ?? '', /only "web-canary", "web-next"/)
  assert.match(
    listed.connect('bank/a', peer('web-canary', 'bank'), [serves('bank/web')]).state.reason ?? '',
    /may not serve bank\/web/,
  )
})

test('when the grant is withdrawn, by another list or with the Service, what was served by it is out at once', () => {
  for (const later of [worldWith('web'), worldWith(), meshWorld([])]) {
    const { pushed, connect, names, registered, state } = hub(worldWith('web, thief'))
    const web = connect('shop/web', WEB, [serves('shop/web')])
    const thief = connect('shop/thief', THIEF, [serves('shop/web')])
    pushed.onWorld()
    assert.equal(thief.state.isOver, false)
    state.world = later
    pushed.onWorld()
    assert.match(thief.state.reason ?? 'still there', /"thief" may not serve shop\/web/)
    thief.closed()
    assert.equal(web.state.isOver, false)
    assert.deepEqual(names(), ['shop/web@web'])
    assert.deepEqual(
      registered.filter((line) => line.includes('@thief')),
      ['attach shop/thief@thief shop.thief:thief:shop.web:80', 'release shop/thief@thief'],
    )
  }
})

test('before the mesh is known nobody who serves is judged against nothing; who serves nothing may come', () => {
  const { connect, names, state } = hub()
  state.world = undefined
  assert.match(connect('shop/web', WEB, [serves('shop/web')]).state.reason ?? 'admitted', /does not know the mesh yet/)
  connect('shop/caller', WEB)
  assert.deepEqual(names(), ['shop/caller@web'])
})

test('who is not who it says is refused with the reason', () => {
  const { connect, names } = hub()
  const cases: readonly (readonly [ReturnType<typeof connect>, RegExp])[] = [
    [connect('bank/web'), /not in namespace "shop"/],
    [connect('shopping/web'), /not in namespace "shop"/],
    [connect('web'), /workload: must match pattern/],
    [connect('shop/web/x'), /workload: must match pattern/],
    [connect('shop/x', WEB, [serves('bank/vault')]), /service "bank\/vault" is not in namespace/],
    [connect('shop/x', WEB, [serves('vault')]), /service: must match pattern/],
    [connect('shop/x', peer('web', 'shop.eu'), []), /not in namespace "shop\.eu"/],
    [connect('shop.eu/x', peer('web', 'shop.eu'), []), /workload: must match pattern/],
  ]
  for (const [{ state }, reason] of cases) assert.match(state.reason ?? 'admitted', reason)
  assert.deepEqual(names(), [])
})

test('what a hello can hold is bounded, and an address is an address', () => {
  const { connect, names } = hub()
  const with_ = (change: Partial<Registration>) =>
    connect('shop/web', WEB, [{ ...serves('shop/web'), ...change }]).state
  const many = Object.fromEntries(Array.from({ length: 49 }, (_, i) => [`l${i}`, 'x']))
  const cases: readonly (readonly [{ readonly reason: string | undefined }, RegExp])[] = [
    [with_({ address: '10.0.0.1\r\nx: y' }), /address: must match pattern/],
    [with_({ address: 'x'.repeat(60_000) }), /address: must not have more than 253/],
    [with_({ address: '' }), /address: must match pattern/],
    [with_({ address: 'http://host/' }), /address: must match pattern/],
    [with_({ labels: many }), /labels: must not have more than 48/],
    [with_({ labels: { label: 'x'.repeat(600) } }), /labels\.label: must not have more than 512/],
    [with_({ labels: { label: 'a\nb' } }), /labels\.label: must match pattern/],
    [with_({ labels: { ['x'.repeat(400)]: '' } }), /is not a known field/],
    [with_({ service: `shop/${'x'.repeat(300)}` }), /service: must/],
    [
      connect(
        'shop/x',
        WEB,
        Array.from({ length: 65 }, () => serves('shop/web')),
      ).state,
      /not have more than 64 items/,
    ],
  ]
  for (const [state, reason] of cases) {
    assert.match(state.reason ?? 'admitted', reason)
    assert.ok((state.reason ?? '').length < 1_200)
  }
  assert.deepEqual(names(), [])
  for (const address of ['10.0.0.1', '::1', 'fe80::1', '::ffff:10.0.0.1', 'pod-1.svc', 'my_host'])
    assert.equal(with_({ address }).reason, undefined, address)
})

test('an identity has a limit of streams, and what it gave back it may have again', () => {
  const { pushed, connect } = hub()
  const open = Array.from({ length: PUSH_LIMITS.sessionsPerIdentityCount }, (_, i) => connect(`shop/w${i}`))
  const over = pushed.open(WEB, { write: () => true, end: () => undefined })
  assert.match(over.ok ? 'opened' : over.error, /sa\/web has 1000 streams already/)
  assert.ok(pushed.open(THIEF, { write: () => true, end: () => undefined }).ok)
  for (const { closed } of open) closed()
  assert.ok(pushed.open(WEB, { write: () => true, end: () => undefined }).ok)
})

test('a workload that connects anew again and again leaves nothing behind of what it acknowledged before', () => {
  const { pushed, connect } = hub()
  const name = (round: number): string => `shop/s${round}`
  for (let round = 0; round < 3; round++) {
    const { session } = connect('shop/web')
    session.onLines([JSON.stringify({ type: 'subscribe', kind: 'Service', name: name(round), version: 'v' })])
  }
  const acked = pushed.acks.of(workloadRef(WEB.spiffeId, 'shop/web')).map((ack) => ack.name)
  assert.deepEqual(acked, [name(2)])
})

test('closing sends everybody away and takes nobody out', () => {
  const { connect, pushed, registered } = hub()
  const { state, closed } = connect('shop/web', WEB, [serves('shop/web')])
  pushed.close()
  assert.ok(state.isOver)
  closed()
  assert.ok(!registered.includes('detach shop/web@web'))
  assert.match(connect('shop/late').state.reason ?? '', /stopping/)
})

test('who can not be registered is refused, and its earlier stream stays', () => {
  const { connect, names, state } = hub()
  const first = connect('shop/web', WEB, [serves('shop/web')])
  state.full = 'there is no room'
  assert.equal(connect('shop/web', WEB, [serves('shop/web')]).state.reason, 'there is no room')
  assert.equal(first.state.isOver, false)
  assert.deepEqual(names(), ['shop/web@web'])
})

test('closing sends away who has not said hello yet, too', () => {
  const { pushed } = hub()
  let isOver = false
  const end = (): void => {
    isOver = true
  }
  assert.ok(pushed.open(WEB, { write: () => true, end }).ok)
  pushed.close()
  assert.ok(isOver)
})

test('the log hears who came, who went, and who was refused and why', () => {
  const { pushed, connect, sidecars, state } = hub(worldWith('web'))
  const web = connect('shop/web', WEB, [serves('shop/web')])
  connect('bank/web', WEB)
  web.closed()
  connect('shop/web', WEB, [serves('shop/web')])
  state.world = worldWith('nobody')
  pushed.onWorld()
  assert.deepEqual(
    sidecars.filter((_, at) => at !== 1 && at !== 4),
    ['connected shop/web', 'gone shop/web', 'connected shop/web'],
  )
  assert.match(sidecars.at(-1) ?? '', /^refused shop\/web .*may not serve/)
  assert.match(sidecars[1] ?? '', /^refused bank\/web workload "bank\/web" is not in namespace "shop"/)
})
