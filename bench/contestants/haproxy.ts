import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { accepting, type Contestant, end, type Stage, startPinned } from '../contestant.ts'
import { freePort } from '../free-port.ts'

const COMMON = `global
  nbthread 1
  maxconn 4000
  tune.ssl.default-dh-param 2048
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive 60s
  http-reuse always
  option http-keep-alive
`

/** HAProxy twice, as two pods have it: HTTP/1.1 at both ends, mutual TLS between, with HTTP/2 or HTTP/1.1 there. */
export async function startHaproxy(stage: Stage, between: 'h2' | 'http/1.1'): Promise<Contestant> {
  const [frontPort, meshPort] = [await freePort(), await freePort()]
  const alpn = between === 'h2' ? 'alpn h2' : 'alpn http/1.1'
  const front = `${COMMON}
frontend app
  bind 127.0.0.1:${frontPort}
  default_backend mesh
backend mesh
  server peer 127.0.0.1:${meshPort} ssl crt ${stage.pemFile} ca-file ${stage.caFile} verify required ssl-min-ver TLSv1.3 ${alpn}
`
  const back = `${COMMON}
frontend mesh
  bind 127.0.0.1:${meshPort} ssl crt ${stage.pemFile} ca-file ${stage.caFile} verify required ssl-min-ver TLSv1.3 ${alpn}
  default_backend app
backend app
  server app 127.0.0.1:${stage.backendPort}
`
  const suffix = between === 'h2' ? 'h2' : 'h1'
  const files = [
    join(stage.directory, `haproxy-front-${suffix}.cfg`),
    join(stage.directory, `haproxy-back-${suffix}.cfg`),
  ] as const
  writeFileSync(files[0], front)
  writeFileSync(files[1], back)
  const children = files.map((file) => startPinned(stage.core, 'haproxy', ['-db', '-f', file]))
  await Promise.all([accepting(frontPort), accepting(meshPort)])
  return {
    name: between === 'h2' ? 'HAProxy, HTTP/2 between' : 'HAProxy, HTTP/1.1 between',
    version: execFileSync('haproxy', ['-v']).toString().split(' ')[2] ?? '',
    url: `http://127.0.0.1:${frontPort}/`,
    pids: children.map((child) => child.pid ?? 0),
    stop: async () => void (await Promise.all(children.map(end))),
  }
}
