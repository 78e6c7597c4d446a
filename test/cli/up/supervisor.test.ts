import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { Supervised, type SupervisorEvents } from '../../../cli/up/supervisor.ts'
import { TurnedClock } from '../../support/turned-clock.ts'

/** A supervised `node -e` with a clock that the test turns, and everything that it told. */
class Subject implements AsyncDisposable {
  readonly clock = new TurnedClock()
  readonly directory = mkdtempSync(join(tmpdir(), 'outrigger-supervisor-'))
  readonly logFile = join(this.directory, 'logs', 'program.log')
  readonly supervised: Supervised
  /** What began and ended, in order: `+PID`, `-PID`. */
  readonly processes: string[] = []
  readonly #told: string[] = []
  #waiting: { readonly wanted: (told: string) => boolean; readonly resolve: (told: string) => void }[] = []

  constructor(code: string, command = process.execPath) {
    const program = {
      name: 'program',
      command,
      args: ['-e', code],
      env: {},
      directory: this.directory,
      logFile: this.logFile,
    }
    const events: SupervisorEvents = {
      onLine: (_, line) => this.#tell(`line ${line}`),
      onRestart: (_, exit, delayMs) => this.#tell(`ended ${exit}, again in ${delayMs}`),
    }
    const processes = {
      add: (pid: number) => this.processes.push(`+${pid}`),
      remove: (pid: number) => this.processes.push(`-${pid}`),
    }
    this.supervised = new Supervised(program, this.clock, () => 0.5, events, processes)
  }

  /** The first thing told, now or later, that begins so. What is told is taken once. */
  next(beginning: string): Promise<string> {
    const wanted = (told: string): boolean => told.startsWith(beginning)
    const at = this.#told.findIndex(wanted)
    const [known] = at < 0 ? [] : this.#told.splice(at, 1)
    if (known !== undefined) return Promise.resolve(known)
    return new Promise((resolve) => this.#waiting.push({ wanted, resolve }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.supervised.kill()
    rmSync(this.directory, { recursive: true, force: true })
  }

  #tell(told: string): void {
    const at = this.#waiting.findIndex(({ wanted }) => wanted(told))
    const [waiting] = at < 0 ? [] : this.#waiting.splice(at, 1)
    if (waiting === undefined) this.#told.push(told)
    else waiting.resolve(told)
  }
}

/** Stays alive until SIGTERM. */
const STAYS =
  "setInterval(() => {}, 1000); process.once('SIGTERM', () => process.exit(0)); console.log('up', process.pid)"
const DEAF = "setInterval(() => {}, 1000); process.on('SIGTERM', () => {}); console.log('up', process.pid)"

const pidIn = (line: string): number => Number(line.split(' ').at(-1))

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('what a program prints is told, kept, and written to its log', async () => {
  await using subject = new Subject("console.log('one'); console.error('two'); setInterval(() => {}, 1000)")
  await Promise.all([subject.next('line one'), subject.next('line two')])
  assert.deepEqual([...subject.supervised.lastLines].sort(), ['one', 'two'])
  await subject.supervised.stop(1_000)
  // The stream has been ended; its file is complete when the last write is.
  while (readFileSync(subject.logFile, 'utf8').split('\n').length < 3)
    await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(readFileSync(subject.logFile, 'utf8').trim().split('\n').sort(), ['one', 'two'])
})

test('only the last lines are kept', async () => {
  await using subject = new Subject("for (let i = 0; i < 50; i++) console.log('line', i); setInterval(() => {}, 1000)")
  await subject.next('line line 49')
  assert.equal(subject.supervised.lastLines.length, 20)
  assert.equal(subject.supervised.lastLines[0], 'line 30')
})

test('a program that ends by itself is started again, later each time', async () => {
  await using subject = new Subject("console.log('up'); process.exitCode = 3")
  await subject.next('line up')
  assert.equal(await subject.next('ended'), 'ended exit code 3, again in 750')
  subject.clock.turn(750)
  await subject.next('line up')
  assert.equal(await subject.next('ended'), 'ended exit code 3, again in 1000')
})

test('a program that ran for long begins the back-off anew', async () => {
  await using subject = new Subject("console.log('up', process.pid); setInterval(() => {}, 1000)")
  for (let i = 0; i < 2; i++) {
    await subject.next('line up')
    subject.clock.turn(10_001)
    subject.supervised.crash()
    assert.equal(await subject.next('ended'), 'ended signal SIGKILL, again in 750')
    subject.clock.turn(750)
  }
})

test('a crash can keep a program away for longer than the back-off', async () => {
  await using subject = new Subject(STAYS)
  await subject.next('line up')
  subject.supervised.crash(30_000)
  assert.equal(await subject.next('ended'), 'ended signal SIGKILL, again in 30000')
  assert.equal(subject.supervised.pid, undefined)
})

test('a program that does not exist is told as ended', async () => {
  await using subject = new Subject('', '/nowhere/program')
  assert.match(await subject.next('ended'), /ENOENT/)
})

test('stop waits for a program that ends in order, and does not start it again', async () => {
  await using subject = new Subject(STAYS)
  const pid = pidIn(await subject.next('line up'))
  await subject.supervised.stop(1_000)
  assert(!isAlive(pid))
  subject.clock.turn(60_000)
  assert.equal(subject.supervised.pid, undefined)
})

test('stop ends a program that does not listen, after its time', async () => {
  await using subject = new Subject(DEAF)
  const pid = pidIn(await subject.next('line up'))
  const stopped = subject.supervised.stop(1_000)
  assert(isAlive(pid))
  subject.clock.turn(1_000)
  await stopped
  assert(!isAlive(pid))
})

test('stop between two starts prevents the second one', async () => {
  await using subject = new Subject("console.log('up')")
  await subject.next('ended')
  await subject.supervised.stop(1_000)
  subject.clock.turn(60_000)
  assert.equal(subject.supervised.pid, undefined)
})

test('restart gives a new process at once', async () => {
  await using subject = new Subject(STAYS)
  const first = pidIn(await subject.next('line up'))
  await subject.supervised.restart(1_000)
  const second = pidIn(await subject.next('line up'))
  assert(first !== second && !isAlive(first) && isAlive(second))
  assert.deepEqual(subject.processes, [`+${first}`, `-${first}`, `+${second}`])
})

test('what a program started ends with it', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  // The grandchild holds a connection, which its end closes.
  const grandchild = `require('node:net').connect(${port}, '127.0.0.1'); setInterval(() => {}, 1000)`
  const child = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(grandchild)}])`
  await using subject = new Subject(`${child}; setInterval(() => {}, 1000)`)
  const [held] = (await once(server, 'connection')) as [Socket]
  const closed = new Promise<void>((resolve) => held.on('close', () => resolve()).on('error', () => undefined))
  held.resume()
  await subject.supervised.stop(1_000)
  await closed
  await new Promise((resolve) => server.close(resolve))
})
