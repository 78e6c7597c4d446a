import assert from 'node:assert/strict'
import test from 'ava'
import { type PeerIdentity, PushHub } from '../../../control-plane/push/push-hub.ts'
import type { ResourceView } from '../../../control-plane/push/resource-source.ts'
import type { Registration } from '../../../sidecar/config/watch-protocol.ts'
import { TurnedClock } from '../../support/turned-clock.ts'

const WEB: PeerIdentity = {
  spiffeId: 'spiffe://mesh.test/ns/shop/sa/web',
  namespace: 'shop',
  serviceAccount: 'web',
  notAfterMs: 1_000_000,
}
const EMPTY: ResourceView = { generation: 1, trustDomain: 'mesh.test', find: () => undefined }
const serves = (service: string, labels: Record<string, string> = {}): Registration => ({
  service,
  port: 80,
  appPort: 8080,
  protocol: 'http',
  address: '10.0.0.1',
  meshPort: 15008,
  labels,
})

function hub() {
  const registered: string[] = []
  const pushed = new PushHub({
    clock: new TurnedClock(),
    registrar: {
      attach: (workload, instances) => registered.push(`attach ${workload} ${instances.map(({ id }) => id).join()}`),
      detach: (workload) => registered.push(`detach ${workload}`),
      setReady: (workload, ready) => registered.push(`ready ${workload} ${ready}`),
    },
    view: () => EMPTY,
    onWorkloads: () => undefined,
    pingIntervalMs: 10_000,
    pingTimeoutMs: 10_000,
  })
  const connect = (workload: string, peer = WEB, what: readonly Registration[] = []) => {
    const state = { reason: undefined as string | undefined, isOver: false }
    const end = (reason: string | undefined): void => {
      state.reason = reason
      state.isOver = true
    }
    const { session, closed } = pushed.open(peer, { write: () => true, end })
    session.onLines([JSON.stringify({ type: 'hello', workload, version: 'test', serves: what })])
    return { state, session, closed }
  }
  return { pushed, registered, connect }
}

test('a workload is registered when it comes and let go when it leaves', () => {
  const { pushed, registered, connect } = hub()
  const { closed } = connect('shop/web', WEB, [serves('shop/web')])
  assert.deepEqual(
    pushed.workloads.map(({ name }) => name),
    ['shop/web'],
  )
  assert.deepEqual(pushed.asWorkloads.get('shop/web')?.serviceAccount, 'web')
  closed()
  assert.deepEqual(pushed.workloads, [])
  assert.deepEqual(registered, ['attach shop/web shop.web:shop.web:80', 'detach shop/web'])
})

test('a new stream of the same workload takes the place of the old one, whose end changes nothing', () => {
  const { pushed, registered, connect } = hub()
  const first = connect('shop/web')
  const second = connect('shop/web')
  assert.match(first.state.reason ?? '', /connected anew/)
  first.closed()
  first.session.onLines(['{"type":"health","ready":false}'])
  assert.equal(pushed.find('shop/web')?.session, second.session)
  assert.ok(!registered.includes('detach shop/web'))
  assert.ok(!registered.includes('ready shop/web false'))
})

test('who is not who it says is refused with the reason', () => {
  const { connect, pushed } = hub()
  connect('shop/web')
  const other: PeerIdentity = { ...WEB, spiffeId: 'spiffe://mesh.test/ns/shop/sa/thief', serviceAccount: 'thief' }
  const tooMany = Array.from({ length: 65 }, () => serves('shop/web'))
  const longLabel = serves('shop/web', { label: 'x'.repeat(600) })
  const cases: readonly (readonly [ReturnType<typeof connect>, RegExp])[] = [
    [connect('shop/web', other), /connected as spiffe:\/\/mesh\.test\/ns\/shop\/sa\/web/],
    [connect('bank/web'), /not in namespace "shop"/],
    [connect('shopping/web'), /not in namespace "shop"/],
    [connect('web'), /namespace\/name/],
    [connect('shop/x', WEB, [serves('bank/vault')]), /service "bank\/vault" is not in namespace/],
    [connect('shop/x', WEB, [serves('vault')]), /namespace\/name/],
    [connect('shop/x', WEB, tooMany), /at most 64/],
    [connect('shop/x', WEB, [longLabel]), /characters long/],
  ]
  for (const [{ state }, reason] of cases) assert.match(state.reason ?? 'admitted', reason)
  assert.deepEqual(
    pushed.workloads.map(({ name }) => name),
    ['shop/web'],
  )
})

test('closing sends everybody away and takes nobody out', () => {
  const { connect, pushed, registered } = hub()
  const { state, closed } = connect('shop/web', WEB, [serves('shop/web')])
  pushed.close()
  assert.ok(state.isOver)
  closed()
  assert.ok(!registered.includes('detach shop/web'))
  assert.match(connect('shop/late').state.reason ?? '', /stopping/)
})
