import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { eventually, pause } from '../support/eventually.ts'
import { LeapingClock } from '../support/leaping-clock.ts'
import { startTestMesh, type TestMesh, type TestWorkload } from '../support/mesh.ts'
import { answer } from './application.ts'
import type { Attack, Door } from './attack.ts'
import { ATTACKS } from './classes.ts'
import { countOf, type Doors, openDoor } from './doors.ts'
import { HostileWire } from './hostile-wire.ts'

/** Each of those that pass a limit does it in fewer rounds; the others show in a few what they are. */
const MANY_ROUNDS = 400
const FEW_ROUNDS = 4
/** Answers that others have to have beside an attack that is not cut. */
const ANSWERS = 20
const LEAP_MS = 1_000

const clock = new LeapingClock()
let mesh: TestMesh
let doors: Doors

test.before(async () => {
  mesh = await startTestMesh({ services: { api: { handler: answer } }, callers: ['web', 'thief'], clock })
  const file = join(mesh.directory, 'state-thief', 'identity.json')
  await eventually('the thief has a certificate', () => existsSync(file))
  const { keyPem, chainPem } = JSON.parse(JSON.parse(await readFile(file, 'utf8')).body)
  doors = {
    plainPort: mesh.workload('web').portFor('api'),
    probesPort: mesh.workload('web').sidecar.ports.probes,
    linkPort: mesh.workload('api').sidecar.ports.inbound ?? 0,
    identity: { key: keyPem, cert: chainPem.join('') },
  }
  assert.equal((await mesh.call('web', 'api', '/')).status, 200)
})

test.after.always(async () => {
  await mesh?.[Symbol.asyncDispose]()
})

/** Calls of others, two at a time, until it is stopped. */
class Others {
  answers = 0
  readonly wrong: unknown[] = []
  #isOver = false
  readonly #all: Promise<unknown>

  constructor() {
    this.#all = Promise.all([this.#call(), this.#call()])
  }

  async #call(): Promise<void> {
    while (!this.#isOver) {
      const status = await mesh.call('web', 'api', '/').then(
        (got) => got.status,
        (error: unknown) => error,
      )
      this.answers++
      if (status !== 200) this.wrong.push(status)
    }
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#all
  }
}

const isLink = (door: Door): boolean => door === 'link' || door === 'tls'
const attackedAt = (door: Door): TestWorkload => mesh.workload(isLink(door) ? 'api' : 'web')

/** Connections and streams that the attacked sidecar has open, when those of the others are closed but for their links. */
async function openAt(door: Door): Promise<{ connections: number; streams: number }> {
  const workload = attackedAt(door)
  mesh.workload('web').agent.destroy()
  const direction = isLink(door) ? 'inbound' : 'outbound'
  const samples = await workload.metrics()
  const kind = isLink(door) ? 'link' : 'app'
  return {
    connections: samples.get(`outrigger_open_connections{direction="${direction}",kind="${kind}"}`) ?? 0,
    streams: samples.get(`outrigger_open_streams{direction="${direction}"}`) ?? 0,
  }
}

/** Resolves when nothing is in flight, and nobody is connected but by `links`; answers how many links there are. */
async function atRest(door: Door, links?: number): Promise<number> {
  let open = { connections: -1, streams: -1 }
  await eventually('everything is given back', async () => {
    open = await openAt(door)
    return open.streams === 0 && open.connections === (isLink(door) ? (links ?? open.connections) : 0)
  }).catch(() => assert.deepEqual(open, { connections: links ?? 0, streams: 0 }))
  return open.connections
}

/** Attacks once, on one connection, until it is cut, or `isShown`. */
async function attackOnce(attack: Attack, door: Door, isShown: () => Promise<void>): Promise<boolean> {
  const wire = new HostileWire(await openDoor(door, doors), () => clock.nowMs())
  const rounds = attack.isCut ? MANY_ROUNDS : FEW_ROUNDS
  const appPort = mesh.workload('api').app?.port ?? 0
  const running = attack.run(wire, { door, authority: 'api', appPort, rounds })
  for (let leaptMs = 0; leaptMs < (attack.leapMs ?? 0); leaptMs += LEAP_MS) {
    await pause(20) // what is under way arrives, and what is due is done
    clock.leap(LEAP_MS)
  }
  await (attack.isCut ? wire.cut : isShown())
  wire.stop()
  await running
  wire.socket.destroy()
  return wire.isCut
}

for (const attack of ATTACKS.filter(({ isLong }) => isLong !== true)) {
  for (const door of attack.doors) {
    test.serial(`${attack.name} (${door}): the limit strikes, and nobody else is harmed`, async () => {
      const { counter, isCut } = attack
      const strikes = async (): Promise<number> =>
        counter === undefined ? 1 : countOf(await attackedAt(door).metrics(), counter)
      const before = counter === undefined ? 0 : await strikes()
      const hasStruck = (): Promise<void> => eventually(`${counter} rises`, async () => (await strikes()) > before)
      const links = await atRest(door)
      // Where the clock is turned, everything seems slow: the others come afterwards.
      let others = attack.leapMs === undefined ? new Others() : undefined
      const wasCut = await attackOnce(attack, door, async () => {
        await eventually('others have their answers', () => (others?.answers ?? ANSWERS) >= ANSWERS)
        await hasStruck()
      })
      others ??= new Others()
      await hasStruck()
      await others.stop()
      assert.deepEqual(others.wrong, [], 'others are served')
      assert.equal(wasCut, isCut)
      await atRest(door, links)
    })
  }
}
