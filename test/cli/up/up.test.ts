import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { ROOT } from '../../architecture/import-graph.ts'
import { eventually } from '../../support/eventually.ts'

const HEAD = 'apiVersion: outrigger.dev/v1alpha1\nkind: LocalMesh\nmetadata: { name: small }\n'
const ECHO = `require('node:http').createServer((q, r) => r.end('echo ' + q.url)).listen(process.env.PORT, '127.0.0.1')`

/** `outrigger up` in a folder of its own. */
class Up implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'outrigger-up-'))
  readonly child: ChildProcess
  output = ''
  readonly ended: Promise<number | null>

  constructor(file: string, args: readonly string[] = []) {
    writeFileSync(join(this.directory, 'mesh.yaml'), file)
    this.child = spawn(process.execPath, [join(ROOT, 'cli/main.ts'), 'up', '--api-port', '0', ...args], {
      cwd: this.directory,
    })
    this.ended = once(this.child, 'exit').then(([code]) => code as number | null)
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text
        this.#onOutput()
      })
    }
  }

  /** Resolves when the output has the text; rejects when the command ends without. */
  async until(text: string): Promise<void> {
    const seen = new Promise<void>((resolve) => {
      this.#onOutput = () => this.output.includes(text) && resolve()
      this.#onOutput()
    })
    const gone = this.ended.then(() => {
      if (!this.output.includes(text)) throw new Error(`"${text}" was never printed:\n${this.output}`)
    })
    await Promise.race([seen, gone])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGINT')
    await this.ended
    rmSync(this.directory, { recursive: true, force: true })
  }

  #onOutput: () => void = () => undefined
}

/** Process ids of the children of a process, from ps(1). */
function childrenOf(pid: number | undefined): number[] {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n')
  const pairs = rows.map((row) => row.trim().split(/\s+/).map(Number))
  return pairs.filter(([, parent]) => parent === pid).map(([child]) => child ?? 0)
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => resolve(true))
    socket.on('error', () => resolve(false)).on('connect', () => socket.destroy())
  })

test('up carries traffic from one file, and leaves nothing behind when it is interrupted', async () => {
  const file = `${HEAD}spec:
  workloads:
    - { name: echo, command: [node, -e, ${JSON.stringify(ECHO)}], serves: [{ service: echo }] }
    - { name: caller, upstreams: [{ service: echo }] }
`
  await using up = new Up(file)
  await up.until('Ctrl-c stops it')
  const port = Number(/echo=127\.0\.0\.1:(\d+)/.exec(up.output)?.[1])
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/hello`)).text(), 'echo /hello')
  const children = childrenOf(up.child.pid).filter(isAlive)
  assert.equal(children.length, 5, 'a control plane, a program, two sidecars, and their guard')

  up.child.kill('SIGINT')
  assert.equal(await up.ended, 0)
  await eventually('nothing runs any more', () => children.filter(isAlive).length === 0)
  assert.equal(await accepts(port), false)
})

test('up that is killed takes its programs with it', async () => {
  const file = `${HEAD}spec: { workloads: [{ name: echo, command: [node, -e, ${JSON.stringify(ECHO)}], serves: [{ service: echo }] }] }`
  await using up = new Up(file)
  await up.until('Ctrl-c stops it')
  const children = childrenOf(up.child.pid).filter(isAlive)
  assert.equal(children.length, 4, 'a control plane, a program, a sidecar, and their guard')
  up.child.kill('SIGKILL')
  await eventually('nothing runs any more', () => children.filter(isAlive).length === 0)
})

test('up says what a program printed that ends at its start, and starts nothing', async () => {
  const broken = "console.error('no database at all'); process.exit(4)"
  const file = `${HEAD}spec: { workloads: [{ name: broken, command: [node, -e, ${JSON.stringify(broken)}] }] }`
  await using up = new Up(file)
  assert.equal(await up.ended, 1)
  assert.match(
    up.output,
    /outrigger: "broken" ended at its start \(exit code 4\)\. It said last:\n {2}no database at all\n/,
  )
})

test('up says which manifest is wrong, with its line', async () => {
  const file = `${HEAD}spec: { manifests: [wrong.yaml], workloads: [{ name: caller }] }`
  await using up = new Up(file)
  writeFileSync(
    join(up.directory, 'wrong.yaml'),
    'apiVersion: v1\nkind: Service\nmetadata: { name: x }\nspec: { prots: [] }\n',
  )
  assert.equal(await up.ended, 1)
  assert.match(up.output, /Cannot apply the manifests of mesh "small": .*\n.*wrong\.yaml:4/)
  assert.match(up.output, /prots/)
})

test('up says which service account may not serve what, before it starts a sidecar', async () => {
  const file = `${HEAD}spec:
  workloads:
    - { name: echo, command: [node, -e, ${JSON.stringify(ECHO)}], serves: [{ service: echo }, { service: other }] }
`
  await using up = new Up(file)
  assert.equal(await up.ended, 1)
  assert.match(
    up.output,
    /spec\.workloads\[0\]: workload "echo" can't serve "other": service account "echo" may not serve .*\/other, only "other" may:.*outrigger\.dev\/service-accounts: "other, echo"/,
  )
})

test('up says that Consul cannot be reached', async () => {
  await using up = new Up(`${HEAD}spec: { workloads: [{ name: caller }] }`, ['--registry', 'consul://127.0.0.1:1'])
  assert.equal(await up.ended, 1)
  assert.match(up.output, /consul/i)
  assert.match(up.output, /127\.0\.0\.1:1/)
})

test('up says which file is missing', async () => {
  await using up = new Up(HEAD, ['-f', 'other.yaml'])
  assert.equal(await up.ended, 66)
  assert.match(up.output, /outrigger: Cannot read the mesh file other\.yaml: ENOENT/)
})
