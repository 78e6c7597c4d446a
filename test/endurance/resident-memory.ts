import { readFileSync } from 'node:fs'

/** Resident memory of processes in MiB: now (`VmRSS`), or the most so far (`VmHWM`). Source: proc_pid_status(5). */
export function residentMib(pids: readonly number[], which: 'VmRSS' | 'VmHWM'): number {
  return pids.reduce((sum, pid) => {
    const text = readFileSync(`/proc/${pid}/status`, 'utf8')
    return sum + Number(new RegExp(`^${which}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) / 1_024
  }, 0)
}
