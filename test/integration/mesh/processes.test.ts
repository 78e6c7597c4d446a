import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import test from 'ava'
import { startTestMesh, type TestMesh, TRUST_DOMAIN } from '../../support/mesh.ts'
import { TestApp } from '../../support/mesh-app.ts'
import { MeshLoad } from '../../support/mesh-load.ts'

const COMMAND = new URL('../../../bin/outrigger.mjs', import.meta.url).pathname

/** A sidecar as a person starts it: a process of its own, ready when it says so. */
async function startProcess(mesh: TestMesh, name: string, appPort: number): Promise<ChildProcess> {
  const flags: Record<string, string> = {
    workload: `shop/${name}`,
    'service-account': 'orders',
    'trust-domain': TRUST_DOMAIN,
    'control-plane': `127.0.0.1:${mesh.plane.ports.push}`,
    'join-token-file': join(mesh.directory, 'token'),
    bundle: mesh.plane.bundleFile,
    'state-dir': join(mesh.directory, `state-${name}`),
    inbound: '127.0.0.1:0',
    serve: `orders:80=${appPort}`,
    admin: '127.0.0.1:0',
    probes: '127.0.0.1:0',
    'drain-delay': '200ms',
    'drain-timeout': '60s',
  }
  const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)
  const child = spawn(process.execPath, [COMMAND, 'sidecar', ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    text += chunk
    if (/"message":"ready"/.test(text)) break
  }
  child.stdout.resume()
  return child
}

for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
  test(`a sidecar process that gets ${signal} under load fails no ${signal === 'SIGKILL' ? 'GET' : 'request'}`, async () => {
    await using mesh = await startTestMesh({
      services: { orders: { replicas: 2, handler: (_request, response) => response.end('ok') } },
      callers: ['web'],
    })
    let served = 0
    await using app = await TestApp.startHttp(
      async (_request, response) => {
        served++
        await new Promise((resolve) => setTimeout(resolve, 5))
        response.end('ok')
      },
      { workload: 'orders-x', call: () => Promise.reject(new Error('it calls nobody')) },
      60_000,
    )
    const child = await startProcess(mesh, 'orders-x', app.port)
    try {
      await mesh.reaches('web', 'orders', 3)
      const isGraceful = signal === 'SIGTERM'
      await using load = MeshLoad.start(
        (i) => mesh.call('web', 'orders', '/', isGraceful && i % 2 === 0 ? { body: 'x' } : {}),
        8,
      )
      await load.good(300)
      assert(served > 0, 'the process takes part')
      child.kill(signal)
      const [code] = await once(child, 'exit')
      await load.good(300)
      await mesh.reaches('web', 'orders', 2)
      await load.stop()
      assert.deepEqual(load.failures, [])
      assert.equal(code, isGraceful ? 0 : null)
    } finally {
      child.kill('SIGKILL')
    }
  })
}
