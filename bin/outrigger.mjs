#!/usr/bin/env node
// Runs the `outrigger` command on the pinned Node, whatever Node started this file: in a checkout from its sources, in a
// release from its bundles.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const inFolder = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url))
const sources = inFolder('cli/main.ts')
const major = Number(process.versions.node.split('.')[0])

if (major >= 26) {
  // Under the process below, however that one ends, this one must not run on alone.
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
  process.channel?.unref()
  await import(existsSync(sources) ? sources : inFolder('dist/main.mjs'))
} else {
  const pinned = inFolder('node_modules/node/bin/node')
  if (!existsSync(pinned)) {
    const what = existsSync(sources)
      ? 'the pinned one is not installed: run "npm ci" here first'
      : 'a release brings none along: start it with Node 26 or newer'
    console.error(`outrigger: needs Node 26, found ${process.version}, and ${what}`)
    process.exit(78)
  }
  const self = fileURLToPath(import.meta.url)
  const child = spawn(pinned, ['--disable-warning=ExperimentalWarning', self, ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}
