import assert from 'node:assert/strict'
import { get, type IncomingMessage, type ServerResponse } from 'node:http'
import test from 'ava'
import { seededRandom } from '../../../sidecar/core/random.ts'
import { eventually, pause } from '../../support/eventually.ts'
import { LeapingClock } from '../../support/leaping-clock.ts'
import { startTestMesh } from '../../support/mesh.ts'
import { bodyOf } from '../../support/mesh-app.ts'
import type { Answer } from '../../support/mesh-call.ts'
import { MeshLoad } from '../../support/mesh-load.ts'

const trafficPolicy = (settings: string): string => `apiVersion: outrigger.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: orders, namespace: shop}
spec:
  targetRefs: [{group: "", kind: Service, name: orders}]
${settings}
`

test('an instance dies with its sidecar under a load of GETs: no request fails, and it leaves the list of endpoints', async () => {
  await using mesh = await startTestMesh({
    services: {
      orders: {
        replicas: 3,
        handler: async (_request, response, { workload }) => {
          await pause(3)
          response.setHeader('x-workload', workload).end('order '.repeat(50))
        },
      },
    },
    callers: ['web'],
  })
  await using load = MeshLoad.start(() => mesh.call('web', 'orders', '/'), 8)
  await load.good(200)
  await mesh.workload('orders-1').kill()
  await load.good(300)
  await mesh.reaches('web', 'orders', 2)
  await load.good(100)
  await load.stop()
  assert.deepEqual(load.failures, [])
})

for (const seed of [1, 2]) {
  test(`no POST is executed twice while connections are cut at random (seed ${seed})`, async () => {
    const random = seededRandom(seed)
    const executed = new Map<string, number>()
    let cuts = 0
    let untilCut = 10
    /** One replica's connections break, with those before it or behind it: of its link or its application. */
    const cut = (): void => {
      cuts++
      const replica = mesh.workload(random() < 0.5 ? 'orders-0' : 'orders-1')
      if (random() < 0.5) replica.relay?.cut()
      else replica.app?.cut()
    }
    await using mesh = await startTestMesh({
      services: {
        orders: {
          replicas: 2,
          handler: async (request, response) => {
            const id = (await bodyOf(request)).toString()
            executed.set(id, (executed.get(id) ?? 0) + 1)
            // by the number of requests and not by time: as many are cut on a slow machine
            if (--untilCut === 0) {
              untilCut = Math.ceil(random() * 30)
              setTimeout(cut, random() * 4)
            }
            await pause(random() * 4)
            response.end(id)
          },
        },
      },
      callers: ['web'],
      manifests: trafficPolicy('  outlierDetection: {consecutive5xxErrors: 0}'),
    })
    const outcomes = new Map<string, string>()
    let next = 0
    await Promise.all(
      Array.from({ length: 6 }, async () => {
        while (next < 500) {
          const id = `order-${next++}`
          const answer = await mesh.call('web', 'orders', '/', { body: id })
          outcomes.set(id, answer.status === 200 ? `200 ${answer.text}` : `${answer.headers['x-outrigger-error']}`)
        }
      }),
    )
    assert(cuts > 10, `only ${cuts} cuts`)
    assert.deepEqual(
      [...executed].filter(([, count]) => count !== 1),
      [],
      'executed more than once',
    )
    for (const [id, outcome] of outcomes) {
      if (outcome.startsWith('200')) assert.equal(outcome, `200 ${id}`)
      else assert.match(outcome, /^(reset|refused|connect-failure)$/)
      if (outcome.startsWith('200')) assert.equal(executed.get(id), 1, `${id} was answered and never executed`)
      if (outcome === 'refused' || outcome === 'connect-failure') {
        assert.equal(executed.get(id), undefined, `${id} was executed, though the mesh says ${outcome}`)
      }
    }
    const broken = [...outcomes.values()].filter((outcome) => outcome === 'reset').length
    assert(broken > 0, 'the cuts hit no request: the test proves nothing')
    assert(broken < 250, `${broken} of 500 were broken off`)
  })
}

for (const [wire, failing] of [
  ['application/json', '503'],
  ['application/grpc', '14'],
] as const) {
  test(`an instance whose application is gone fails no request of ${wire}, and is ejected`, async () => {
    await using mesh = await startTestMesh({
      services: { orders: { replicas: 2, handler: (_request, response) => response.end('ok') } },
      callers: ['web'],
      manifests: trafficPolicy('  loadBalancer: {type: RoundRobin}\n  outlierDetection: {consecutive5xxErrors: 3}'),
    })
    const ask = () => mesh.call('web', 'orders', '/', { body: 'x', headers: { 'content-type': wire } })
    const failed = ({ status, headers }: Answer): boolean => status !== 200 || headers['grpc-status'] !== undefined
    await mesh.workload('orders-0').app?.[Symbol.asyncDispose]()
    for (let i = 0; i < 30; i++) assert.equal(failed(await ask()), false)
    const ejected = (await mesh.endpoints('web', 'orders')).filter(({ isEjected }) => isEjected)
    assert.equal(ejected.length, 1)
    await mesh.workload('orders-1').app?.[Symbol.asyncDispose]()
    const { status, headers } = await ask()
    assert.equal(headers['grpc-status'] ?? String(status), failing)
    assert.equal(status, wire === 'application/grpc' ? 200 : 503)
  })
}

test('an answer that breaks off in the middle of its body is a failure of its instance, which is ejected', async () => {
  const halves: ServerResponse[] = []
  await using mesh = await startTestMesh({
    services: {
      orders: {
        replicas: 2,
        handler: (_request, response, { workload }) => {
          if (workload === 'orders-1') return void response.end('the whole')
          halves.push(response)
          response.writeHead(200, { 'content-length': 100 }).write('the first half')
        },
      },
    },
    callers: ['web'],
    manifests: trafficPolicy('  loadBalancer: {type: RoundRobin}\n  outlierDetection: {consecutive5xxErrors: 3}'),
  })
  const port = mesh.workload('web').portFor('orders')
  /** What became of an answer, whose application goes as soon as some of the body is there. */
  const ask = async (): Promise<string> => {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get({ port, headers: { host: 'orders' } }, resolve).on('error', reject)
    })
    return new Promise((resolve) => {
      response.on('data', () => halves.at(-1)?.destroy())
      response.on('end', () => resolve('whole'))
      response.on('error', () => resolve('broken'))
    })
  }
  const outcomes: string[] = []
  while (halves.length < 3 && outcomes.length < 20) outcomes.push(await ask())
  assert.equal(outcomes.filter((outcome) => outcome === 'broken').length, 3, 'nobody takes it for complete')
  for (let i = 0; i < 10; i++) assert.equal(await ask(), 'whole')
  assert.equal(halves.length, 3, 'nothing more is sent to it')
  const metrics = await mesh.workload('web').metrics()
  assert.equal(metrics.get('outrigger_ejections_total{service="shop/orders"}'), 1)
  assert.equal(metrics.get('outrigger_errors_total{direction="outbound",flag="UR",code="reset"}'), 3)
})

test('an instance that fails in a row is ejected, and a probe readmits it when it is well', async () => {
  let isIll = false
  const clock = new LeapingClock()
  const served = { 'orders-0': 0, 'orders-1': 0 }
  await using mesh = await startTestMesh({
    services: {
      orders: {
        replicas: 2,
        handler: (_request, response, { workload }) => {
          served[workload as keyof typeof served]++
          response.writeHead(isIll && workload === 'orders-0' ? 500 : 200).end()
        },
      },
    },
    callers: ['web'],
    clock,
    manifests: trafficPolicy(
      // in turn: a balancer that goes by cost would avoid an instance that fails before it is ejected
      '  loadBalancer: {type: RoundRobin}\n  outlierDetection: {consecutive5xxErrors: 3, baseEjectionTime: 2m}',
    ),
  })
  /** Ejections are over; so is the patience of connections that are idle, which are therefore made anew. */
  const letEjectionEnd = (minutes: number): void => {
    clock.leap(minutes * 60_000)
    mesh.workload('web').agent.destroy()
  }
  const isEjected = async (): Promise<boolean> =>
    (await mesh.endpoints('web', 'orders')).some((endpoint) => endpoint.isEjected)
  await eventually('both are in use', async () => {
    assert.equal((await mesh.call('web', 'orders', '/')).status, 200)
    return served['orders-0'] > 0 && served['orders-1'] > 0
  })
  isIll = true
  const statuses: number[] = []
  while (!(await isEjected()) && statuses.length < 200) statuses.push((await mesh.call('web', 'orders', '/')).status)
  assert.equal(statuses.filter((status) => status === 500).length, 3, 'three failures eject')

  const before = { ...served }
  for (let i = 0; i < 20; i++) assert.equal((await mesh.call('web', 'orders', '/')).status, 200)
  assert.equal(served['orders-0'], before['orders-0'], 'nothing is sent to it while it is out')

  letEjectionEnd(2)
  const probed: number[] = []
  await eventually('a probe is sent', async () => {
    probed.push((await mesh.call('web', 'orders', '/')).status)
    return served['orders-0'] > before['orders-0']
  })
  assert.deepEqual(
    probed.filter((status) => status === 500),
    [500],
    'one probe found it ill',
  )
  assert(await isEjected(), 'it is out again')
  const metrics = await mesh.workload('web').metrics()
  assert.equal(metrics.get('outrigger_ejections_total{service="shop/orders"}'), 2)
  assert.equal(metrics.get('outrigger_ejected_endpoints{service="shop/orders"}'), 1)

  isIll = false
  letEjectionEnd(4)
  await eventually('a probe readmits it', async () => {
    assert.equal((await mesh.call('web', 'orders', '/')).status, 200)
    return served['orders-0'] > before['orders-0'] + 1
  })
  assert.equal(await isEjected(), false)
})
