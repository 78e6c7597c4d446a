/** Long enough for a machine that is slow and busy: a test that is right never waits so long. */
const LIMIT_MS = 30_000
const LOOK_MS = 5

/** Resolves after `ms`. For what has to take some time; never a way to wait for something that can be looked at. */
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Resolves as soon as `isTrue` holds, looked at every few milliseconds; rejects after 30 seconds with `what`. */
export async function eventually(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + LIMIT_MS
  while (!(await isTrue())) {
    if (performance.now() > endMs) throw new Error(`did not happen: ${what}`)
    await pause(LOOK_MS)
  }
}

/** Resolves when `count` has stood still for three looks in a row, once it was above 0. */
export async function standsStill(what: string, count: () => number): Promise<void> {
  let last = -1
  let same = 0
  await eventually(`${what} stands still`, async () => {
    await pause(200)
    same = count() === last && last > 0 ? same + 1 : 0
    last = count()
    return same === 3
  })
}
