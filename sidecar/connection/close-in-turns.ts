import type { Socket } from 'node:net'
import { loopTurn } from './loop-turn.ts'

/** Sockets that are closed in one turn of the loop: each costs some 70 µs, and a link that ends can leave a thousand. */
const CLOSES_PER_TURN = 16

const waiting: Socket[] = []
let turn = -1
let closedCount = 0

/** Closes the socket, now or in one of the next turns: who leaves a thousand at once keeps nobody else waiting. */
export function closeInTurns(socket: Socket): void {
  if (turn !== loopTurn()) {
    turn = loopTurn()
    closedCount = 0
  }
  if (++closedCount <= CLOSES_PER_TURN && waiting.length === 0) return void socket.destroy()
  if (waiting.push(socket) === 1) setImmediate(closeSome)
}

function closeSome(): void {
  for (const socket of waiting.splice(0, CLOSES_PER_TURN)) socket.destroy()
  if (waiting.length > 0) setImmediate(closeSome)
}
