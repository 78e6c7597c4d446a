import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BACK_NAME, type KeyPairFiles } from '../certificates.ts'
import type { ContestantKind, Pair, Stage } from '../contestant.ts'
import { startPair } from '../pair.ts'
import { type Command, printedVersion } from '../processes.ts'

type Between = 'h2' | 'http/1.1' | 'bytes'

const BETWEEN = { h2: 'HTTP/2', 'http/1.1': 'HTTP/1.1', bytes: 'bytes' } as const

/** HAProxy twice; between them HTTP/2, which is its best, HTTP/1.1, or bytes. */
export const HAPROXY: readonly ContestantKind[] = [
  kind('haproxy-h2', 'HAProxy, HTTP/2 between', ['http', 'grpc'], 'h2'),
  kind('haproxy-h1', 'HAProxy, HTTP/1.1 between', ['http'], 'http/1.1'),
  kind('haproxy-tcp', 'HAProxy, TCP mode', ['tcp'], 'bytes'),
]

function kind(
  name: ContestantKind['name'],
  title: string,
  wires: ContestantKind['wires'],
  between: Between,
): ContestantKind {
  return {
    name,
    title,
    wires,
    between: BETWEEN[between],
    authorizes: false,
    version: () => printedVersion('haproxy', ['-v'], /version (\S+)/),
    start: (stage) => startHaproxy(stage, between),
  }
}

/** The retries of one lost connection are HAProxy's own; what is not said here is its default. */
const common = (between: Between): string => `global
  nbthread 1
  maxconn 4000
defaults
  mode ${between === 'bytes' ? 'tcp' : 'http'}
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  ${between === 'bytes' ? '' : 'timeout http-keep-alive 60s\n  http-reuse always\n  option http-keep-alive'}
`

function startHaproxy(stage: Stage, between: Between): Promise<Pair> {
  const { wire, tls } = stage
  const alpn = between === 'bytes' ? '' : `alpn ${between}`
  const mutual = ({ pemFile }: KeyPairFiles): string =>
    `ssl crt ${pemFile} ca-file ${tls.caFile} verify required ssl-min-ver TLSv1.3 ${alpn}`
  const plain = wire === 'grpc' ? 'proto h2' : ''
  const command = (name: string, config: string): Command => {
    const file = join(stage.directory, `${name}.cfg`)
    writeFileSync(file, `${common(between)}${config}`)
    return { program: 'haproxy', args: ['-db', '-f', file] }
  }
  return startPair(stage, ({ front, mesh }) => ({
    front: command(
      'front',
      `frontend app
  bind 127.0.0.1:${front} ${plain}
  default_backend mesh
backend mesh
  server peer 127.0.0.1:${mesh} ${mutual(tls.front)} verifyhost ${BACK_NAME}
`,
    ),
    back: command(
      'back',
      `frontend mesh
  bind 127.0.0.1:${mesh} ${mutual(tls.back)}
  default_backend app
backend app
  server app 127.0.0.1:${stage.backendPort} ${plain}
`,
    ),
  }))
}
