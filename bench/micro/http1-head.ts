/*
 * How long reading and writing the head of an HTTP/1.1 request takes, in nanoseconds, with ten fields.
 * Run: node bench/micro/http1-head.ts
 */
import { RequestHeadParser } from '../../sidecar/http1/request-head.ts'

const ROUND_COUNT = 200_000

function head(path: string, id: string): Buffer {
  return Buffer.from(
    `GET ${path} HTTP/1.1\r\nhost: orders.shop:8080\r\nuser-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\n` +
      'accept: application/json\r\naccept-encoding: gzip, deflate, br\r\naccept-language: en-US,en;q=0.9\r\n' +
      `content-type: application/json\r\nx-request-id: ${id}\r\ntraceparent: 00-${id}-00f067aa0ba902b7-01\r\n` +
      'authorization: Bearer abcdefghijklmnopqrstuvwxyz0123456789\r\nconnection: keep-alive\r\n\r\n',
  )
}

function foreign(name: string, seed: number): Buffer {
  const lines = Array.from({ length: 10 }, (_, i) => `X-Field-${name}-${i}: value ${seed * 7919 + i} of a stranger\r\n`)
  return Buffer.from(`GET /items/${seed} HTTP/1.1\r\nHost: orders.shop\r\n${lines.join('')}\r\n`)
}

function measure(name: string, inputs: readonly Buffer[]): void {
  const parser = new RequestHeadParser('http')
  let best = Number.POSITIVE_INFINITY
  for (let run = 0; run < 6; run++) {
    const startNs = process.hrtime.bigint()
    for (let i = 0; i < ROUND_COUNT; i++) {
      const input = inputs[i % inputs.length] as Buffer
      if (parser.parse(input, 0, input.length) !== input.length) throw new Error(parser.error?.detail ?? 'incomplete')
    }
    best = Math.min(best, Number(process.hrtime.bigint() - startNs) / ROUND_COUNT)
  }
  const bytes = inputs[0]?.length ?? 0
  console.log(`${name.padEnd(44)} ${best.toFixed(0).padStart(6)} ns  ${bytes} octets`)
}

const hex = (i: number): string => i.toString(16).padStart(32, '0')
measure('the same head again', [head('/orders', hex(1))])
measure(
  'two ids of ten fields change',
  Array.from({ length: 64 }, (_, i) => head('/orders', hex(i * 7919))),
)
measure(
  'the path and two ids change',
  Array.from({ length: 64 }, (_, i) => head(`/orders/${i}`, hex(i * 7919))),
)
measure(
  'names are known, all values are new',
  Array.from({ length: 64 }, (_, i) => foreign('x', i)),
)
measure(
  'nothing was ever seen',
  Array.from({ length: 4096 }, (_, i) => foreign(String(i), i)),
)
