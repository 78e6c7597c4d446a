import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ContestantKind, Stage } from '../contestant.ts'
import { startPair } from '../pair.ts'
import type { Command } from '../processes.ts'
import type { ProxyOptions } from './http2-proxy-process.ts'

const PACKAGE = new URL('../../node_modules/http2-proxy/package.json', import.meta.url)
const PROGRAM = fileURLToPath(new URL('http2-proxy-process.ts', import.meta.url))

/** The package of that name on Node's own servers and agents: what a TypeScript user would write in an afternoon. */
export const HTTP2_PROXY: ContestantKind = {
  name: 'http2-proxy',
  title: 'http2-proxy, HTTP/1.1 between',
  wires: ['http'],
  between: 'HTTP/1.1',
  authorizes: false,
  version: () => (JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string }).version,
  start: (stage) =>
    startPair(stage, ({ front, mesh }) => ({
      front: command(stage, 'front', { listenPort: front, targetPort: mesh, towardsPeer: filesOf(stage, 'front') }),
      back: command(stage, 'back', {
        listenPort: mesh,
        targetPort: stage.backendPort,
        fromPeer: filesOf(stage, 'back'),
      }),
    })),
}

const filesOf = ({ tls }: Stage, side: 'front' | 'back'): NonNullable<ProxyOptions['fromPeer']> => ({
  caFile: tls.caFile,
  certFile: tls[side].certFile,
  keyFile: tls[side].keyFile,
})

function command(stage: Stage, name: string, options: ProxyOptions): Command {
  const file = join(stage.directory, `${name}.json`)
  writeFileSync(file, JSON.stringify(options))
  return { program: process.execPath, args: ['--disable-warning=ExperimentalWarning', PROGRAM, file] }
}
