import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { accepting, type Contestant, end, type Stage, startPinned } from '../contestant.ts'
import { freePort } from '../free-port.ts'

const config = (directory: string, name: string, http: string): string => `
worker_processes 1;
daemon off;
pid ${directory}/${name}.pid;
error_log ${directory}/${name}.log error;
events { worker_connections 8192; }
http {
  access_log off;
  client_body_temp_path ${directory}/${name}-body;
  proxy_temp_path ${directory}/${name}-proxy;
  fastcgi_temp_path ${directory}/${name}-fastcgi;
  uwsgi_temp_path ${directory}/${name}-uwsgi;
  scgi_temp_path ${directory}/${name}-scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  ${http}
}`

const pooled = (address: string): string =>
  `upstream peer { server ${address}; keepalive 256; keepalive_requests 1000000000; }`

/** nginx twice, with keep-alive pools and mutual TLS between. nginx speaks HTTP/1.1 to upstreams. */
export async function startNginx(stage: Stage): Promise<Contestant> {
  const [frontPort, meshPort] = [await freePort(), await freePort()]
  const toPeer = 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;'
  const mutual = `proxy_ssl_certificate ${stage.certFile}; proxy_ssl_certificate_key ${stage.keyFile}; proxy_ssl_trusted_certificate ${stage.caFile};
      proxy_ssl_verify on; proxy_ssl_name mesh.local; proxy_ssl_protocols TLSv1.3; proxy_ssl_session_reuse on;`
  const front = `${pooled(`127.0.0.1:${meshPort}`)}
  server { listen 127.0.0.1:${frontPort}; location / { proxy_pass https://peer; ${toPeer} ${mutual} } }`
  const back = `${pooled(`127.0.0.1:${stage.backendPort}`)}
  server { listen 127.0.0.1:${meshPort} ssl; ssl_certificate ${stage.certFile}; ssl_certificate_key ${stage.keyFile};
    ssl_client_certificate ${stage.caFile}; ssl_verify_client on; ssl_protocols TLSv1.3; location / { proxy_pass http://peer; ${toPeer} } }`
  const directory = join(stage.directory, 'nginx')
  mkdirSync(directory, { recursive: true })
  const children = [
    startNginxProcess(stage.core, directory, 'front', front),
    startNginxProcess(stage.core, directory, 'back', back),
  ]
  await Promise.all([accepting(frontPort), accepting(meshPort)])
  return {
    name: 'nginx, HTTP/1.1 between',
    version: execFileSync('nginx', ['-v'], { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' }) || nginxVersion(),
    url: `http://127.0.0.1:${frontPort}/`,
    pids: children.map((child) => child.pid ?? 0),
    stop: async () => void (await Promise.all(children.map(end))),
  }
}

function startNginxProcess(
  core: number,
  directory: string,
  name: string,
  http: string,
): ReturnType<typeof startPinned> {
  const file = join(directory, `${name}.conf`)
  writeFileSync(file, config(directory, name, http))
  return startPinned(core, 'nginx', ['-c', file, '-p', directory])
}

const nginxVersion = (): string => execFileSync('sh', ['-c', 'nginx -v 2>&1']).toString().trim().split('/')[1] ?? ''

/** The backend of every contestant: nginx answering 64 octets from memory, on the load generator's core. */
export async function startBackend(
  core: number,
  directory: string,
  bodyBytes: number,
): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const port = await freePort()
  const folder = join(directory, 'backend')
  mkdirSync(folder, { recursive: true })
  const child = startNginxProcess(
    core,
    folder,
    'backend',
    `server { listen 127.0.0.1:${port}; location / { return 200 "${'x'.repeat(bodyBytes)}"; } }`,
  )
  await accepting(port)
  return { port, stop: () => end(child) }
}
