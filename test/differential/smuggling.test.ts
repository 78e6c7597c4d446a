import assert from 'node:assert/strict'
import { connect } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { LIMITS } from '../../sidecar/core/limits.ts'
import { keepable } from '../../sidecar/telemetry/exchange-record.ts'
import { eventually } from '../support/eventually.ts'
import { startTestMesh, type TestMesh } from '../support/mesh.ts'
import type { RawHandler } from '../support/mesh-app.ts'
import { BACKENDS, type Backend, type BackendLog, type StartBackend } from './backends.ts'
import { type SeenRequest, showRequest } from './seen-request.ts'
import { type SmugglingInput, smugglingInputs } from './smuggling-inputs.ts'

/** `SEED=n` draws others; `FAMILIES=1` shows the count of each family. */
const SEED = Number(process.env['SEED'] ?? 20_261)
/** Targets bear the number of the input that they belong to. */
const NUMBER = /-(\d+)/
/** A caller that ends its side before the switch breaks off a request that is whole. */
const ASKS_FOR_TUNNEL = /^GET .*\r\nUpgrade: websocket/s

for (const [name, start] of Object.entries(BACKENDS)) {
  const title = `${name} sees what was authorized and counted, and nothing else`
  if (start === undefined) test.skip(`${title}: ${name} is not installed`, () => undefined)
  else test(title, (t) => compare(t, name, start))
}

async function compare(t: ExecutionContext, name: string, start: StartBackend): Promise<void> {
  await using backend = await start()
  const inputs = smugglingInputs(name, SEED)
  const { counted, log, misled } = await sendAll(backend, name, inputs)
  const desynchronised = [...misled, ...differences(inputs, counted, log)]
  t.log(`${name}: ${inputs.length} inputs of seed ${SEED}, ${desynchronised.length} desynchronisations`)
  if (process.env['FAMILIES'] !== undefined) {
    for (const [family, count] of countBy(inputs, counted)) t.log(`${name}: ${family}: ${count}`)
  }
  assert.deepEqual(desynchronised.slice(0, 20), [])
}

/** What both sides say of all inputs. */
interface Account {
  /** Requests that the callee's sidecar authorized, passed on and counted. */
  readonly counted: readonly SeenRequest[]
  readonly log: BackendLog
  /** Good requests that got an answer which was not theirs. */
  readonly misled: readonly string[]
}

/** Sends each input on a connection of its own, then a good request that must get its own answer. */
async function sendAll(backend: Backend, name: string, inputs: readonly SmugglingInput[]): Promise<Account> {
  await using mesh = await startTestMesh({
    services: { [name]: { raw: relayTo(backend.port) } },
    callers: ['web'],
    telemetry: { samplingRatio: 0, otlpEndpoint: undefined, accessLog: 'all' },
  })
  const port = mesh.workload('web').portFor(name)
  const { accessLog } = mesh.workload(name)
  const misled: string[] = []
  const pace = new Pace()
  for (const { number, octets } of inputs) {
    await pace.take(octets.split('HTTP/').length + 1)
    await exchangeAndEnd(port, octets)
    const wrong = await probe(mesh, name, number)
    if (wrong !== undefined) misled.push(`after ${JSON.stringify(octets).slice(0, 1_000)}: ${wrong}`)
  }
  const last = `/probe-${inputs.at(-1)?.number}"`
  await eventually('the access log is written', () => accessLog.some((line) => line.includes(last)))
  const samples = [...(await mesh.workload(name).metrics())].filter(([sample]) => /access_log.*drop/.test(sample))
  assert.deepEqual(
    samples.map(([, value]) => value),
    [0],
    'no line of the access log was dropped',
  )
  await mesh.workload(name).app?.[Symbol.asyncDispose]()
  return { misled, counted: accessLog.flatMap(countedIn), log: await backend.stop() }
}

/** Keeps below the lines that the access log writes in a second. */
class Pace {
  #second = 0
  #taken = 0

  /** Resolves when there is room for so many lines. */
  async take(lines: number): Promise<void> {
    const now = (): number => Math.floor(Date.now() / 1_000)
    if (this.#taken + lines > LIMITS.accessLogLinesPerSecond && now() === this.#second) {
      await eventually('the next second', () => now() !== this.#second)
    }
    if (now() !== this.#second) {
      this.#second = now()
      this.#taken = 0
    }
    this.#taken += lines
  }
}

/** Every connection of the sidecar is one connection to the backend, octet by octet. */
const relayTo =
  (port: number): RawHandler =>
  (socket) => {
    const onward = connect({ port, host: '127.0.0.1', noDelay: true })
    socket.pipe(onward).pipe(socket)
    socket.on('close', () => onward.destroy())
    onward.on('close', () => socket.destroy())
    onward.on('error', () => socket.destroy())
  }

/** Sends octets and ends; resolves when the sidecar has closed. What waits for more of a body learns that there is none. */
function exchangeAndEnd(port: number, octets: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(octets, 'latin1'))
    socket.resume()
    socket.on('error', () => socket.destroy())
    socket.on('close', () => resolve())
  })
}

/** A good request that comes after the input: on a connection with something left over it would get the wrong answer. */
async function probe(mesh: TestMesh, name: string, number: number): Promise<string | undefined> {
  const { status, text } = await mesh.call('web', name, `/probe-${number}`)
  const isOwn = status === 200 && new RegExp(`^GET /probe-${number}( 0)?$`).test(text)
  return isOwn ? undefined : `${status} ${text.slice(0, 200)}`
}

/** What a line of the access log says was passed on; one that broke off has no length. */
function countedIn(line: string): readonly SeenRequest[] {
  const { direction, method, path, requestBytes, attempts, flag } = JSON.parse(line)
  if (direction !== 'inbound' || attempts === 0) return []
  return [{ method, path, bodyBytes: flag === '-' ? requestBytes : undefined }]
}

const numberOf = ({ path }: SeenRequest): string => NUMBER.exec(path)?.[1] ?? 'none'

/** Inputs of which the backend saw something else than the sidecar counted. */
function differences(inputs: readonly SmugglingInput[], counted: readonly SeenRequest[], log: BackendLog): string[] {
  const found = log.refused.map((octets) => `the backend could not read ${JSON.stringify(octets)}`)
  const seen = log.seen.map((one) => ({ ...one, path: keepable(one.path) })) // as our log has it
  const [said, saw] = [Map.groupBy(counted, numberOf), Map.groupBy(seen, numberOf)]
  for (const number of new Set([...said.keys(), ...saw.keys()])) {
    const [ours, theirs] = [said.get(number) ?? [], saw.get(number) ?? []]
    const { family = '', octets = '' } = inputs[Number(number)] ?? {}
    if (isSame(ours, theirs, ASKS_FOR_TUNNEL.test(octets))) continue
    const sent = JSON.stringify(octets).slice(0, 1_000)
    found.push(`${family}: counted ${ours.map(showRequest)}; seen ${theirs.map(showRequest)}; sent ${sent}`)
  }
  return found
}

/**
 * Whether the backend saw what was counted, in that order. Of a request that broke off it may know, but never that it was
 * whole; a request that it does not like (a method, an empty Host) it may refuse without reading the body.
 * @param isTunnel what broke off was a tunnel, if at all: the request before it has no body, and is whole
 */
function isSame(ours: readonly SeenRequest[], theirs: readonly SeenRequest[], isTunnel: boolean): boolean {
  const broken = ours.filter(({ bodyBytes }) => bodyBytes === undefined)
  const left = theirs.filter(({ method, path, bodyBytes }) => {
    if (bodyBytes !== undefined && !(isTunnel && bodyBytes === 0)) return true
    const at = broken.findIndex((one) => one.method === method && one.path === path)
    if (at >= 0) broken.splice(at, 1)
    return at < 0
  })
  const whole = ours.filter(({ bodyBytes }) => bodyBytes !== undefined)
  return (
    whole.length === left.length &&
    whole.every(({ method, path, bodyBytes }, i) => {
      const other = left[i]
      return other?.method === method && other.path === path && (other.bodyBytes ?? bodyBytes) === bodyBytes
    })
  )
}

/** How many inputs each family has, and how many requests of them were passed on. */
function countBy(inputs: readonly SmugglingInput[], counted: readonly SeenRequest[]): Map<string, string> {
  const passed = new Map<string, number>()
  for (const one of counted) {
    const family = inputs[Number(numberOf(one))]?.family
    if (family !== undefined && !one.path.includes('probe')) passed.set(family, (passed.get(family) ?? 0) + 1)
  }
  const counts = new Map<string, string>()
  for (const [family, all] of Map.groupBy(inputs, (input) => input.family)) {
    counts.set(family, `${all.length} inputs, ${passed.get(family) ?? 0} requests passed on`)
  }
  return counts
}
