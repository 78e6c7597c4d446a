import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { HOST } from '../host.ts'
import { OpenLoop, percentile } from './open-loop.ts'
import type { PacedReport } from './paced.ts'

/*
 * Sends GET at fixed times over kept connections, one request at a time on each. Prints latencies that are counted from
 * when a request should have been sent. Arguments: port on loopback, path, requests per second, connections, seconds.
 */

const [port = '', path = '', rate = '', connections = '', seconds = ''] = process.argv.slice(2)
const loop = new OpenLoop(Number(rate) * Number(seconds), Number(rate), Number(connections))
/** What comes after the last request's time is an error. */
const GRACE_MS = 5_000
const REQUEST = `GET ${path} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`
const HEAD_END = '\r\n\r\n'

const sockets: Socket[] = []
let startMs = 0
let failures = 0
const now = (): number => performance.now() - startMs

/** Octets of one answer: its head and its body; undefined while the head is incomplete. */
function answerLength(input: Buffer): number | undefined {
  const end = input.indexOf(HEAD_END)
  if (end < 0) return undefined
  const head = input.toString('latin1', 0, end)
  if (!head.startsWith('HTTP/1.1 200 ')) failures++
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length === undefined) throw new Error(`an answer without Content-Length cannot be counted:\n${head}`)
  return end + HEAD_END.length + Number(length)
}

async function open(connection: number): Promise<void> {
  const socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  sockets[connection] = socket
  let input: Buffer | undefined
  let needed: number | undefined
  socket.on('data', (chunk: Buffer) => {
    input = input === undefined ? chunk : Buffer.concat([input, chunk])
    needed ??= answerLength(input)
    if (needed === undefined || input.length < needed) return
    input = undefined
    needed = undefined
    loop.onAnswer(connection, now())
  })
  const onLost = (): void => {
    failures++
  }
  socket.on('error', onLost).on('end', onLost)
}

function turn(): void {
  const nowMs = now()
  for (let at = loop.send(nowMs); at !== undefined; at = loop.send(nowMs)) sockets[at]?.write(REQUEST, 'latin1')
  if (loop.isDone || nowMs > Number(seconds) * 1_000 + GRACE_MS) report()
  else setImmediate(turn)
}

function report(): void {
  const { latenciesMs, latenessMs } = loop
  const answered = latenciesMs.filter((latency) => !Number.isNaN(latency)).length
  const result: PacedReport = {
    requests: answered,
    p50Ms: percentile(latenciesMs, 0.5),
    p90Ms: percentile(latenciesMs, 0.9),
    p99Ms: percentile(latenciesMs, 0.99),
    lateP99Ms: percentile(latenessMs, 0.99),
    errors: failures + latenciesMs.length - answered,
  }
  console.log(JSON.stringify(result))
  process.exit()
}

await Promise.all(Array.from({ length: Number(connections) }, (_, at) => open(at)))
startMs = performance.now()
turn()
