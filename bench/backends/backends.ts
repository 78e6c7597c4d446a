import { fileURLToPath } from 'node:url'
import type { Wire } from '../contestant.ts'
import { http, nginxCommand } from '../contestants/nginx.ts'
import { accepting, type Command, end, freePorts, startPinned } from '../processes.ts'

/** Something that answers, on the load generator's core. */
export interface Backend {
  readonly port: number
  stop(): Promise<void>
}

/** Octets of the answer's body, by path. */
export const BODY_BYTES: Readonly<Record<string, number>> = { '/': 64, '/1k': 1_024 }

const program = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const node = (name: string, port: number): Command => ({
  program: process.execPath,
  args: ['--disable-warning=ExperimentalWarning', program(name), String(port)],
})

const locations = Object.entries(BODY_BYTES).map(
  ([path, bytes]) => `location = ${path} { return 200 "${'x'.repeat(bytes)}"; }`,
)

/** nginx answers requests from its configuration; a canned server answers gRPC; a source sends bytes without end. */
const COMMANDS: Readonly<Record<Wire, (directory: string, port: number) => Command>> = {
  http: (directory, port) =>
    nginxCommand(
      directory,
      'backend',
      http(`server { listen 127.0.0.1:${port}; ${locations.join(' ')} location /v1/ { return 200 "{}"; } }`),
    ),
  grpc: (_, port) => node('grpc-backend.ts', port),
  tcp: (_, port) => node('byte-source.ts', port),
}

/** Starts the backend for what is carried. That of `http` takes exported traces, too. */
export async function startBackend(wire: Wire, directory: string, core: number): Promise<Backend> {
  const [port = 0] = await freePorts(1)
  const child = startPinned(core, COMMANDS[wire](directory, port))
  await accepting(port)
  return { port, stop: () => end(child) }
}
