let turn = 0
let isWatched = false

const next = (): void => {
  turn++
  isWatched = false
}

/** A number for this turn of the event loop: all that is read in one poll of it is read in the same turn. */
export function loopTurn(): number {
  if (!isWatched) {
    isWatched = true
    setImmediate(next)
  }
  return turn
}
