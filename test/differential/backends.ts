import { realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Recorder } from './recorder.ts'
import { readRequestLine, type SeenRequest } from './seen-request.ts'
import { findProgram, ServerProcess } from './server-process.ts'

/** What a backend can tell when it has stopped. */
export interface BackendLog {
  /** Requests that it understood, in the order of its log. */
  readonly seen: readonly SeenRequest[]
  /** Octets that it could not read as a request. */
  readonly refused: readonly string[]
}

/** A server as applications use it. It answers each request with `METHOD path …`. */
export interface Backend extends AsyncDisposable {
  readonly port: number
  /** Ends it and reads its log. To be called when no connection to it is open. */
  stop(): Promise<BackendLog>
}

/** Starts a backend. */
export type StartBackend = () => Promise<Backend>

/** The servers that are compared with, by the name of the service that they are; undefined: it is not installed. */
export const BACKENDS: Readonly<Record<string, StartBackend | undefined>> = {
  nginx: whereInstalled(startNginx, 'nginx'),
  haproxy: whereInstalled(startHaproxy, 'haproxy'),
  apache: whereInstalled(startApache, 'apache2', 'httpd'),
  node: startNode,
}

function whereInstalled(start: (program: string) => Promise<Backend>, ...names: string[]): StartBackend | undefined {
  const program = findProgram(...names)
  return program === undefined ? undefined : () => start(program)
}

async function startNode(): Promise<Backend> {
  const recorder = await Recorder.start()
  return {
    port: recorder.port,
    async stop() {
      await recorder[Symbol.asyncDispose]()
      return { seen: recorder.seen, refused: recorder.refused }
    },
    [Symbol.asyncDispose]: () => recorder[Symbol.asyncDispose](),
  }
}

/** nginx takes a request's body whole and hands it on with the length that it found: the second server logs nothing but tells it. */
async function startNginx(program: string): Promise<Backend> {
  const server = await ServerProcess.start(
    program,
    (file, directory) => ['-c', file, '-p', directory, '-e', join(directory, 'error.log')],
    (port, directory) => `
daemon off;
worker_processes 1;
pid ${directory}/pid;
error_log ${directory}/error.log crit;
events { worker_connections 1024; }
http {
  log_format seen escape=none "$status\\t$upstream_http_x_length\\t$request";
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  large_client_header_buffers 8 128k;
  keepalive_requests 1000000;
  keepalive_timeout 600s;
  server {
    listen 127.0.0.1:${port};
    access_log ${directory}/access.log seen;
    location / { proxy_pass http://unix:${directory}/inner.sock; proxy_http_version 1.1; proxy_request_buffering on; }
  }
  server {
    listen unix:${directory}/inner.sock;
    access_log off;
    location / { add_header X-Length "0$http_content_length"; return 200 "$request_method $request_uri"; }
  }
}
`,
  )
  return loggingBackend(server, 'access.log')
}

/** HAProxy is a proxy before a recorder, which tells it how long the body was that came out of it. */
async function startHaproxy(program: string): Promise<Backend> {
  const recorder = await Recorder.start()
  const server = await ServerProcess.start(
    program,
    (file) => ['-db', '-f', file],
    (port) => `
global
  log stdout len 65535 format raw local0
  tune.bufsize 131072
  tune.http.logurilen 65535
defaults
  mode http
  log global
  option dontlognull
  log-format "%ST\\t%[var(txn.length)]\\t%r"
  timeout connect 60s
  timeout client 600s
  timeout server 600s
  timeout http-keep-alive 600s
frontend seen
  bind 127.0.0.1:${port}
  http-response set-var(txn.length) res.hdr(x-length)
  default_backend recorder
backend recorder
  server recorder 127.0.0.1:${recorder.port}
`,
  )
  return beforeRecorder(loggingBackend(server, 'output'), recorder)
}

/** Apache is a proxy before a recorder, which tells it how long the body was that came out of it. */
async function startApache(program: string): Promise<Backend> {
  const recorder = await Recorder.start()
  const modules = join(dirname(dirname(realpathSync(program))), 'lib/apache2/modules')
  const names = ['mpm_event', 'authz_core', 'proxy', 'proxy_http']
  const server = await ServerProcess.start(
    program,
    (file) => ['-X', '-f', file],
    (port, directory) => `
ServerRoot ${directory}
ServerName apache
User nobody
Group #65534
PidFile ${directory}/pid
Listen 127.0.0.1:${port}
${names.map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`).join('\n')}
ErrorLog ${directory}/error.log
LogFormat "%>s\\t%{X-Length}o\\t%r" seen
CustomLog ${directory}/access.log seen
KeepAlive On
KeepAliveTimeout 600
MaxKeepAliveRequests 0
LimitRequestFieldSize 131072
LimitRequestLine 32768
LimitRequestFields 0
AllowEncodedSlashes NoDecode
ProxyPass / http://127.0.0.1:${recorder.port}/ nocanon
`,
  )
  return beforeRecorder(loggingBackend(server, 'access.log'), recorder)
}

/** Ends the recorder after the proxy before it. */
const beforeRecorder = (backend: Backend, recorder: Recorder): Backend => ({
  ...backend,
  async [Symbol.asyncDispose]() {
    await backend[Symbol.asyncDispose]()
    await recorder[Symbol.asyncDispose]()
  },
})

/** A backend whose log has a line for each request: status, octets of the body, request line. */
function loggingBackend(server: ServerProcess, file: string): Backend {
  return {
    port: server.port,
    async stop() {
      await server.stop()
      const seen: SeenRequest[] = []
      const refused: string[] = []
      for (const line of server.lines(file)) {
        if (!line.includes('\t')) continue // what the server says of itself
        const [status, length = '', requestLine = ''] = line.split('\t')
        const request = readRequestLine(withoutEscapes(requestLine))
        if (request === undefined) refused.push(line)
        else seen.push({ ...request, bodyBytes: status === '200' && /^\d+$/.test(length) ? Number(length) : undefined })
      }
      return { seen, refused }
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

/** Apache writes `\\"`, HAProxy `#22`; neither a backslash nor `#` is passed on. */
const withoutEscapes = (text: string): string =>
  text
    .replaceAll(/\\(.)/g, '$1')
    .replaceAll(/#([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
