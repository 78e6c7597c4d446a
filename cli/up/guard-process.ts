import { createInterface } from 'node:readline'

/**
 * The program of a `ProgramGuard`: reads `+PID` and `-PID`, a line each, of leaders of process groups that began and ended.
 * When the input ends, its writer is gone, however it went, and the groups that are left are ended.
 */
const groups = new Set<number>()

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined) // they are for the writer

const lines = createInterface({ input: process.stdin })
lines.on('line', (line) => {
  const pid = Number(line.slice(1))
  if (line.startsWith('+')) groups.add(pid)
  else groups.delete(pid)
})
lines.on('close', () => {
  for (const pid of groups) {
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // it ended by itself
    }
  }
})
