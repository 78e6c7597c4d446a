import assert from 'node:assert/strict'
import test from 'ava'
import { type Random, seededRandom } from '../../../sidecar/core/random.ts'
import type { Fields } from '../../../sidecar/http/head.ts'
import { indexingPolicy } from '../../../sidecar/http2/hpack/indexing-policy.ts'
import { NodePeer } from './node-peer.ts'

const LISTS = 10_000
const LISTS_PER_BATCH = 50
const BATCHES_PER_CONNECTION = 20
/** Another run with the same lists: OUTRIGGER_SEED of a run that failed. */
const SEED = Number(process.env['OUTRIGGER_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

/** Of ours, node's encoder is told at most 4,096, which is what the sidecar announces. */
const TABLE_BYTES = [0, 31, 64, 100, 256, 1_000, 4_096] as const
const NODE_TABLE_BYTES = [...TABLE_BYTES, 65_536] as const

const NAMES = [
  ...[
    'accept',
    'accept-encoding',
    'age',
    'cache-control',
    'content-encoding',
    'content-type',
    'etag',
    'location',
    'server',
  ],
  ...[
    'user-agent',
    'vary',
    'via',
    'authorization',
    'set-cookie',
    'x-api-key',
    'x-request-id',
    'traceparent',
    'grpc-timeout',
  ],
  ...['x', 'x-a', 'x-b', 'x-c', 'constructor', 'tostring', 'hasownproperty', 'x-'.padEnd(200, 'n')],
] as const
const PRINTABLE = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)).join('')
const OBS_TEXT = Array.from({ length: 128 }, (_, i) => String.fromCharCode(128 + i)).join('')

const pick = <T>(random: Random, from: ArrayLike<T>): T => from[Math.floor(random() * from.length)] as T
const text = (random: Random, alphabet: string, length: number): string =>
  Array.from({ length }, () => pick(random, alphabet)).join('')

function randomValue(random: Random): string {
  const chance = random()
  if (chance < 0.5) return pick(random, ['', 'gzip', 'text/html', '0', 'no-cache', 'v'.repeat(40), 'w'.repeat(300)])
  if (chance < 0.9) return text(random, PRINTABLE, Math.floor(random() * 40))
  if (chance < 0.97) return text(random, OBS_TEXT + PRINTABLE, Math.floor(random() * 40))
  return text(random, PRINTABLE, Math.floor(random() * 5_000))
}

/** Up to 20 fields; one list in four came before. What is drawn begins with `r`, as no name with a rule does. */
function randomList(random: Random, earlier: Fields[]): Fields {
  if (earlier.length > 0 && random() < 0.25) return pick(random, earlier)
  const count = Math.floor(random() * 20)
  const fields = Array.from({ length: count }, () => {
    const name =
      random() < 0.9
        ? pick(random, NAMES)
        : `r${text(random, 'abcdefghijklmnopqrstuvwxyz-_0123456789', 1 + Math.floor(random() * 30))}`
    return [name, randomValue(random)]
  }).flat()
  earlier.push(fields)
  return fields
}

test(`${LISTS} random lists of fields in each direction: our encoder and node:http2, node:http2 and our decoder`, async (t) => {
  t.log(`seed ${SEED}`)
  const random = seededRandom(SEED)
  const earlier: Fields[] = []
  let sent = 0
  while (sent < LISTS) {
    using peer = new NodePeer(4_096, pick(random, NODE_TABLE_BYTES))
    for (let batch = 0; batch < BATCHES_PER_CONNECTION && sent < LISTS; batch++) {
      if (random() < 0.5) await peer.resize(pick(random, TABLE_BYTES), pick(random, NODE_TABLE_BYTES))
      const requests = Array.from({ length: LISTS_PER_BATCH }, () => randomList(random, earlier))
      const responses = Array.from({ length: LISTS_PER_BATCH }, () => randomList(random, earlier))
      const seen = await peer.exchange(requests, responses)
      for (const [i, fields] of requests.entries()) {
        assert.deepEqual(seen.requests[i]?.fields, fields, `request ${sent + i}, seed ${SEED}`)
        assert.deepEqual(seen.requests[i]?.secrets, secretsOf(fields), `secrets of ${sent + i}, seed ${SEED}`)
      }
      for (const [i, fields] of responses.entries()) {
        const block = seen.responses[i]
        assert.deepEqual([block?.status, block?.malformed], ['200', undefined])
        assert.deepEqual(block?.fields, fields, `response ${sent + i}, seed ${SEED}`)
      }
      sent += LISTS_PER_BATCH
    }
  }
  t.log(`${sent} lists in each direction`)
})

/** Names that nobody on the way may index, each as often as it comes. */
const secretsOf = (fields: Fields): string[] =>
  fields.filter((name, i) => i % 2 === 0 && indexingPolicy(name) === 'secret')
