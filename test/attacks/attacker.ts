import type { Attack, Door } from './attack.ts'
import { ATTACKS } from './classes.ts'
import { type Doors, openDoor } from './doors.ts'
import { HostileWire } from './hostile-wire.ts'

/** What an attacker did and what became of it. */
export interface AttackerReport {
  readonly connections: number
  readonly refused: number
  readonly cuts: number
  /** From passing the limit to the cut, for each connection that was cut after it; ms. */
  readonly cutMs: readonly number[]
  /** Connections that had passed the limit when the time was over, and how long ago, ms. */
  readonly uncutMs: readonly number[]
}

/** What an attacker process is told. */
export interface AttackerOrder {
  readonly attack: string
  readonly door: Door
  readonly doors: Doors
  readonly authority: string
  readonly appPort: number
  readonly seconds: number
}

/** Nobody connects more often than that: what is measured is what one connection does, not how many of them come. */
const RECONNECT_MS = 1_000
/** Where there are many connections, they come one after the other, 200 a second: `slowhttptest -r 200`. */
const NEXT_MS = 5

/** Attacks for the time given; whenever it is cut it comes again. */
export async function attackFor(attack: Attack, order: AttackerOrder): Promise<AttackerReport> {
  const report = { connections: 0, refused: 0, cuts: 0, cutMs: [] as number[], uncutMs: [] as number[] }
  const endMs = performance.now() + order.seconds * 1_000
  const wires = new Set<HostileWire>()
  const one = async (_: unknown, nth: number): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, nth * NEXT_MS))
    while (performance.now() < endMs) {
      const startMs = performance.now()
      const socket = await openDoor(order.door, order.doors).catch(() => undefined)
      if (socket === undefined) report.refused++
      else {
        report.connections++
        const wire = new HostileWire(socket, () => performance.now())
        wires.add(wire)
        await attack.run(wire, order)
        wires.delete(wire)
        socket.destroy()
        if (wire.isCut) report.cuts++
        if (wire.passedMs !== undefined && wire.cutMs !== undefined) report.cutMs.push(wire.cutMs - wire.passedMs)
        else if (wire.passedMs !== undefined) report.uncutMs.push(performance.now() - wire.passedMs)
      }
      await new Promise((resolve) => setTimeout(resolve, Math.max(1, RECONNECT_MS - (performance.now() - startMs))))
    }
  }
  const all = Promise.all(Array.from({ length: attack.connections ?? 1 }, one))
  const timer = setTimeout(() => {
    for (const wire of wires) {
      wire.stop()
      wire.socket.destroy()
    }
  }, order.seconds * 1_000)
  await all
  clearTimeout(timer)
  return report
}

/** As a process: takes one order, reports and ends. */
if (process.send !== undefined && process.argv[1]?.endsWith('attacker.ts') === true) {
  process.once('message', (order: AttackerOrder) => {
    const attack = ATTACKS.find(({ name }) => name === order.attack)
    if (attack === undefined) throw new Error(`there is no attack called "${order.attack}"`)
    void attackFor(attack, order).then((report) => process.send?.(report, () => process.exit()))
  })
}
