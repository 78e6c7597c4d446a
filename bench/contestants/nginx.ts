import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BACK_NAME } from '../certificates.ts'
import type { ContestantKind, Stage } from '../contestant.ts'
import { startPair } from '../pair.ts'
import { type Command, printedVersion } from '../processes.ts'

/** Debian builds the stream module apart. */
const STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so'
const version = (): string | undefined => printedVersion('nginx', ['-v'], /nginx\/(\S+)/)

/** nginx twice: with keep-alive pools of HTTP/1.1, which is what it speaks to upstreams, and as a relay of bytes. */
export const NGINX: readonly ContestantKind[] = [
  {
    name: 'nginx',
    title: 'nginx, HTTP/1.1 between',
    wires: ['http'],
    between: 'HTTP/1.1',
    authorizes: false,
    version,
    start: (stage) =>
      startPair(stage, ({ front, mesh }) => ({
        front: nginxCommand(stage.directory, 'front', http(httpServer(`${front}`, 'https', mesh, towardsPeer(stage)))),
        back: nginxCommand(
          stage.directory,
          'back',
          http(httpServer(`${mesh} ssl`, 'http', stage.backendPort, fromPeer(stage))),
        ),
      })),
  },
  {
    name: 'nginx-stream',
    title: 'nginx, stream module',
    wires: ['tcp'],
    between: 'bytes',
    authorizes: false,
    version: () => (existsSync(STREAM_MODULE) ? version() : undefined),
    start: (stage) =>
      startPair(stage, ({ front, mesh }) => ({
        front: nginxCommand(
          stage.directory,
          'front',
          stream(streamServer(`${front}`, mesh, `proxy_ssl on; ${towardsPeer(stage)}`)),
        ),
        back: nginxCommand(
          stage.directory,
          'back',
          stream(streamServer(`${mesh} ssl`, stage.backendPort, fromPeer(stage))),
        ),
      })),
  },
]

const towardsPeer = ({ tls }: Stage): string =>
  `proxy_ssl_certificate ${tls.front.certFile}; proxy_ssl_certificate_key ${tls.front.keyFile};
    proxy_ssl_trusted_certificate ${tls.caFile}; proxy_ssl_verify on; proxy_ssl_name ${BACK_NAME};
    proxy_ssl_protocols TLSv1.3; proxy_ssl_session_reuse on;`

const fromPeer = ({ tls }: Stage): string =>
  `ssl_certificate ${tls.back.certFile}; ssl_certificate_key ${tls.back.keyFile};
    ssl_client_certificate ${tls.caFile}; ssl_verify_client on; ssl_protocols TLSv1.3;`

const httpServer = (listen: string, scheme: string, port: number, tls: string): string => `
  upstream peer { server 127.0.0.1:${port}; keepalive 256; keepalive_requests 1000000000; }
  server { listen 127.0.0.1:${listen}; ${tls}
    location / {
      proxy_pass ${scheme}://peer; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
    }
  }`

const streamServer = (listen: string, port: number, tls: string): string =>
  `server { listen 127.0.0.1:${listen}; ${tls} proxy_pass 127.0.0.1:${port}; }`

const stream = (body: string) => (): string => `load_module ${STREAM_MODULE};\nevents {}\nstream { ${body} }`

/** The `http` block around a server's own text. */
export const http =
  (body: string) =>
  (directory: string): string =>
    `
events { worker_connections 8192; }
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  ${body}
}`

/** An nginx with one worker, whose files are all in a folder of its own. */
export function nginxCommand(parent: string, name: string, config: (directory: string) => string): Command {
  const directory = join(parent, name)
  mkdirSync(directory, { recursive: true })
  const file = join(directory, 'nginx.conf')
  const process = `worker_processes 1;\ndaemon off;\npid ${directory}/nginx.pid;\nerror_log ${directory}/error.log error;\n`
  writeFileSync(file, process + config(directory))
  return { program: 'nginx', args: ['-c', file, '-p', directory] }
}
