import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { buildRelease } from '../../bin/build-release.ts'
import { ROOT } from '../architecture/import-graph.ts'

const folder = mkdtempSync(join(tmpdir(), 'outrigger-release-'))
const command = join(folder, 'bin', 'outrigger.mjs')
const ECHO = `require('node:http').createServer((q, r) => r.end('echo ' + q.url)).listen(process.env.PORT, '127.0.0.1')`
const MESH = `apiVersion: outrigger.dev/v1alpha1
kind: LocalMesh
metadata: { name: small }
spec:
  workloads:
    - { name: echo, command: [node, -e, ${JSON.stringify(ECHO)}], serves: [{ service: echo }] }
    - { name: caller, upstreams: [{ service: echo }] }
`

/** A release as it is installed: its bundles, its package.json and its command, and no packages beside them. */
test.before(async () => {
  await buildRelease(folder)
  mkdirSync(join(folder, 'bin'))
  copyFileSync(join(ROOT, 'bin/outrigger.mjs'), command)
  writeFileSync(join(folder, 'mesh.yaml'), MESH)
})
test.after.always(() => rmSync(folder, { recursive: true, force: true }))

/** Resolves with the output once it matches; rejects when the process ends before. */
async function until(child: ChildProcess, ended: Promise<unknown>, pattern: RegExp): Promise<string> {
  let output = ''
  const seen = new Promise<string>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text
        if (pattern.test(output)) resolve(output)
      })
    }
  })
  const gone = ended.then(() => Promise.reject(new Error(`it ended without ${pattern}:\n${output}`)))
  return Promise.race([seen, gone])
}

test('a release says its version, and explains its flags', () => {
  const run = (...args: string[]): string => execFileSync(process.execPath, [command, ...args], { encoding: 'utf8' })
  assert.match(run('version'), /^outrigger \d+\.\d+\.\d+ \(Node /)
  assert.match(run('sidecar', '--help'), /^Usage: outrigger sidecar /)
})

test('a release keeps what was compiled beside its bundles, and runs as well where it may not', () => {
  const cache = join(folder, 'dist', 'compile-cache')
  rmSync(cache, { recursive: true, force: true })
  const run = (): string => execFileSync(process.execPath, [command, 'version'], { encoding: 'utf8' })
  const said = run()
  assert.ok(readdirSync(cache, { recursive: true }).length > 1)
  rmSync(cache, { recursive: true, force: true })
  writeFileSync(cache, 'in the way')
  assert.equal(run(), said)
  rmSync(cache)
})

const TELL_FETCH = `data:text/javascript,${encodeURIComponent(
  `process.on('exit', () => console.log('fetch: ' + process.moduleLoadList.some((name) => name.includes('undici'))))`,
)}`

test('a sidecar of a release does not load what Node fetches with: 14 MiB that it never uses', () => {
  const run = (...args: string[]): string =>
    execFileSync(process.execPath, ['--import', TELL_FETCH, ...args], { encoding: 'utf8' })
  assert.match(run(command, 'sidecar', '--help'), /fetch: false\n$/)
  assert.match(run('-e', 'fetch("http://127.0.0.1:9").catch(() => {})'), /fetch: true\n$/, 'it would be seen')
})

test('a release runs a mesh, traces and all, with nothing but Node', async () => {
  const args = [command, 'up', '--api-port', '0', '--sampling', '1', '--otlp-endpoint', 'http://127.0.0.1:9']
  const child = spawn(process.execPath, args, { cwd: folder, env: { PATH: process.env['PATH'] } })
  const ended = once(child, 'exit')
  try {
    const output = await until(child, ended, /Ctrl-c stops it/)
    const port = Number(/echo=127\.0\.0\.1:(\d+)/.exec(output)?.[1])
    assert.equal(await (await fetch(`http://127.0.0.1:${port}/hello`)).text(), 'echo /hello')
  } finally {
    child.kill('SIGINT')
    assert.deepEqual(await ended, [0, null])
  }
})
