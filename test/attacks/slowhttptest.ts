import { fork, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { setPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { PATHS } from './hostile-blocks.ts'
import { ELSEWHERE_NICE, type Stand, startStand } from './stand.ts'
import type { VictimReport } from './victim.ts'

/*
 * `node test/attacks/slowhttptest.ts`: slowhttptest itself, where it is installed, in its four modes with 2,000 connections,
 * against the listener of a sidecar. Ends with 1 unless the tool found the service available each time that it asked, and the
 * load beside it had no error.
 */

const TOOL = 'slowhttptest'
const CONNECTIONS = 2_000
const SECONDS = 40
/** As the tool's manual has them for each mode; it asks anew all the time whether the service answers within three seconds. */
const MODES: readonly (readonly [letter: string, path: string, ...args: readonly string[]])[] = [
  ['H', PATHS.small, '-i', '10', '-t', 'GET', '-x', '24'],
  ['B', PATHS.small, '-i', '10', '-s', '8192', '-t', 'POST', '-x', '10'],
  ['R', PATHS.small, '-t', 'HEAD', '-a', '10', '-b', '3000'],
  ['X', PATHS.page, '-w', '512', '-y', '1024', '-n', '5', '-z', '32', '-k', '3'],
]

if (spawnSync(TOOL, ['-h']).error !== undefined) {
  console.log(`${TOOL} is not installed: skipped; the modes slow-mode-* of \`make attacks\` do what it does`)
  process.exit()
}

const directory = mkdtempSync(join(tmpdir(), 'outrigger-slow-'))
const stand = await startStand(directory)
const victim = fork(new URL('victim.ts', import.meta.url), [String(stand.victim.port), stand.victim.authority])
try {
  for (const [letter, path, ...args] of MODES) {
    await report()
    const answers = await asked(stand, `-${letter}`, path, args)
    const { count, errors } = await report()
    const isGood = answers.yes > 0 && answers.no === 0 && Object.keys(errors).length === 0
    if (!isGood) process.exitCode = 1
    const told = `available ${answers.yes} times of ${answers.yes + answers.no}, at most ${answers.connected} connected`
    console.log(
      `${isGood ? 'ok  ' : 'FAIL'}  ${TOOL} -${letter}: ${told}; beside it ${count} answers, ${JSON.stringify(errors)}`,
    )
  }
} finally {
  victim.disconnect()
  await stand.stop()
  rmSync(directory, { recursive: true, force: true })
}

async function report(): Promise<VictimReport> {
  victim.send('report')
  const [said] = (await once(victim, 'message')) as [VictimReport]
  return said
}

/** What the tool said, each time that it wrote its state. */
async function asked(
  { doors }: Stand,
  mode: string,
  path: string,
  args: readonly string[],
): Promise<{ yes: number; no: number; connected: number }> {
  const url = `http://127.0.0.1:${doors.plainPort}${path}`
  const all = [mode, '-c', String(CONNECTIONS), '-r', '200', '-l', String(SECONDS), '-p', '3', '-u', url, ...args]
  const tool = spawn(TOOL, all, { stdio: ['ignore', 'pipe', 'inherit'] })
  setPriority(tool.pid ?? 0, ELSEWHERE_NICE)
  let text = ''
  tool.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  await once(tool, 'close')
  const words = stripVTControlCharacters(text)
  const states = [...words.matchAll(/service available:\s*(YES|NO)/g)].map(([, word]) => word)
  const connected = [...words.matchAll(/connected:\s*(\d+)/g)].map(([, count]) => Number(count))
  return {
    yes: states.filter((word) => word === 'YES').length,
    no: states.filter((word) => word === 'NO').length,
    connected: Math.max(0, ...connected),
  }
}
