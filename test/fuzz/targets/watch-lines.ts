import assert from 'node:assert/strict'
import { parseRequest } from '../../../control-plane/push/parse-request.ts'
import { parseResource } from '../../../sidecar/config/parse-resource.ts'
import { LineSplitter, toLine } from '../../../sidecar/config/watch-lines.ts'
import { readEvent } from '../../../sidecar/config-client/watch-event.ts'
import { assertAlike, someCuts } from '../cuts.ts'
import { type FuzzTarget, kindOf } from '../fuzz-target.ts'

const MAX_LINE = 600

const seed = (...messages: readonly object[]): Buffer => Buffer.from(messages.map(toLine).join(''))
const put = (kind: string, resource: object): object => ({
  type: 'put',
  kind,
  name: 'shop/web',
  version: 'v1',
  resource: { kind, name: 'shop/web', ...resource },
})

/** The stream between sidecar and control plane: the same lines however it is cut, and each message, written again, reads the same. */
export const watchLines: FuzzTarget = {
  name: 'watch-lines',
  seeds: [
    seed({ type: 'pong' }, { type: 'health', ready: true }),
    seed({
      type: 'hello',
      workload: 'shop/web',
      version: '1',
      serves: [
        {
          service: 'shop/web',
          port: 80,
          appPort: 8080,
          protocol: 'http',
          address: '10.0.0.1',
          meshPort: 15008,
          labels: { a: 'b' },
        },
      ],
    }),
    seed(
      { type: 'subscribe', kind: 'Service', name: 'shop/web' },
      { type: 'ack', kind: 'Service', name: 'shop/web', version: 'v' },
    ),
    seed(
      { type: 'nack', kind: 'Trust', name: 'mesh.example', version: 'v', reason: 'é' },
      { type: 'unsubscribe', kind: 'Service', name: 'a/b' },
    ),
    seed({ type: 'ping' }, { type: 'synced' }, { type: 'delete', kind: 'Endpoints', name: 'shop/web', version: '' }),
    seed(
      put('Service', {
        hostnames: ['web'],
        ports: [{ port: 80, protocol: 'http' }],
        routes: [{ match: {}, backends: [{ service: 'shop/web', port: 80, weight: 1 }] }],
      }),
    ),
    seed(put('Endpoints', { endpoints: [{ address: '10.0.0.1', port: 1, identity: 'spiffe://a/b' }] })),
    seed(put('Trust', { sequence: 1, rootsPem: [] }), put('Authorization', { rules: [] })),
    ...[-1, 0, 1].map((more) => Buffer.from(`${'x'.repeat(MAX_LINE + more)}\n{}\n`)),
    Buffer.from('{}\n[]\nnull\n1\n"x"\n\n \r\n{"type":"__proto__"}\n\xff\n', 'latin1'),
  ],
  words: [
    '\n',
    '\r\n',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '"type":',
    '"put"',
    '"hello"',
    '"kind":',
    '"Service"',
    '"__proto__"',
    'null',
    'true',
    '1e999',
    '-1',
    '\\u0000',
    '\\ud800',
    '\xc3',
    '\xff',
    '[[[[[[[[',
  ],
  maxBytes: 3_000,
  check(input) {
    const whole = split([input])
    for (const pieces of someCuts(input)) assertAlike(split(pieces), whole, 'the lines of a cut stream')
    const kinds = new Set<string>([whole.error])
    for (const line of whole.lines) {
      assert(Buffer.byteLength(line) <= 3 * MAX_LINE && line === line.trim() && line !== '' && !line.includes('\n'))
      const request = parseRequest(line)
      kinds.add(request.ok ? request.value.type : kindOf(request.error))
      if (request.ok) assert.deepEqual(parseRequest(toLine(request.value).trim()), request, 'a request, written again')
      const event = readEvent(line)
      kinds.add(event.ok ? event.value.type : kindOf(event.error))
      if (!event.ok || event.value.type !== 'put') continue
      const resource = parseResource(event.value.resource)
      if (resource.ok)
        assert.deepEqual(
          parseResource(JSON.parse(JSON.stringify(resource.value))),
          resource,
          'a resource, written again',
        )
      else for (const { path, problem } of resource.error) kinds.add(`${kindOf(path)} ${kindOf(problem)}`)
    }
    return [...kinds].sort().join(';').slice(0, 300)
  },
}

/** The lines up to one that is too long; how many of them come before it does not depend on the cuts, but on what was told at once. */
function split(pieces: readonly Buffer[]): { lines: readonly string[]; error: string } {
  const splitter = new LineSplitter(MAX_LINE)
  const lines: string[] = []
  for (const piece of pieces) {
    const pushed = splitter.push(Buffer.from(piece))
    if (!pushed.ok) return { lines: [], error: kindOf(pushed.error) }
    lines.push(...pushed.value)
  }
  return { lines, error: '' }
}
