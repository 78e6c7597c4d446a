/** Longer names are not compared: the cost is the product of the lengths, and a stranger chooses one of them. */
const MAX_COMPARED_LENGTH = 64

/**
 * The name in `known` that `found` was probably meant to be, or undefined when none is near: at most a third of its
 * letters differ (optimal string alignment: insert, delete, replace, swap of neighbours).
 */
export function findNearest(found: string, known: Iterable<string>): string | undefined {
  if (found.length > MAX_COMPARED_LENGTH) return undefined
  let nearest: string | undefined
  let least = Math.max(1, Math.floor(found.length / 3)) + 1
  for (const name of known) {
    if (name.length > MAX_COMPARED_LENGTH) continue
    const distance = found.toLowerCase() === name.toLowerCase() ? 0 : distanceOf(found, name)
    if (distance < least) {
      least = distance
      nearest = name
    }
  }
  return nearest
}

function distanceOf(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      let best = Math.min(replaced, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1)
      }
      row.push(best)
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? 0
}
