import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'ava'
import { grpcMessage } from '../../bench/backends/grpc-message.ts'
import { readH2load } from '../../bench/load/h2load.ts'
import { readWrk } from '../../bench/load/wrk.ts'

const WRK = `Running 1s test @ http://127.0.0.1:8080/
  1 threads and 4 connections
  Latency Distribution
     50%  310.00us
     75%    1.00ms
     90%    2.50ms
     99%    1.20s 
  34567 requests in 1.00s, 7.20MB read
Requests/sec:  34521.25
Transfer/sec:      7.19MB
`

const H2LOAD = `finished in 5.00s, 108123.40 req/s, 12.10MB/s
requests: 540617 total, 540717 started, 540617 done, 540617 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 540617 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 60.50MB (63438976) total, 5.20MB (5452595) headers (space savings 91.00%), 35.57MB (37302573) data
                     min         max         mean         sd        +/- sd
time for request:      310us     12.01ms       920us       310us    80.12%
`

test('what wrk prints is read, times in milliseconds', () => {
  assert.deepEqual(readWrk(WRK), {
    figures: { requestsPerSecond: 34_521.25, p50Ms: 0.31, p90Ms: 2.5, p99Ms: 1_200 },
    requests: 34_567,
    errors: 0,
  })
})

test('every kind of failure that wrk counts is an error', () => {
  const failures = '  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 100\n'
  assert.equal(readWrk(`${WRK}${failures}`).errors, 110)
})

test('what h2load prints is read, and every answer but 2xx is an error', () => {
  assert.deepEqual(readH2load(H2LOAD), {
    figures: { requestsPerSecond: 108_123.4, meanMs: 0.92 },
    requests: 540_617,
    errors: 0,
  })
  const failed = H2LOAD.replace('0 errored, 0 timeout', '5 errored, 7 timeout').replace('0 5xx', '11 5xx')
  assert.equal(readH2load(failed).errors, 23)
})

test('h2load sends the message that the backend answers with', () => {
  assert.deepEqual(readFileSync(new URL('../../bench/load/call.bin', import.meta.url)), grpcMessage())
})
