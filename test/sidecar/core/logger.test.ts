import assert from 'node:assert/strict'
import test from 'ava'
import { systemClock } from '../../../sidecar/core/clock.ts'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import { Logger, type LogLevel } from '../../../sidecar/core/logger.ts'

interface Written {
  readonly log: Logger
  readonly lines: string[]
  readonly records: () => Record<string, unknown>[]
  wallMs: number
}

function written(level?: LogLevel): Written {
  const lines: string[] = []
  const it: Written = {
    lines,
    wallMs: Date.UTC(2026, 0, 2, 3, 4, 5),
    records: () => lines.map((line) => JSON.parse(line)),
    log: Logger.to((line) => lines.push(line), { ...systemClock, wallMs: () => it.wallMs }, level),
  }
  return it
}

test('a line is JSON with its time, level, message and fields, a child adds its own', () => {
  const { log, lines } = written()
  log.child({ part: 'watch' }).child({ peer: '127.0.0.1' }).info('watch opened', { generation: 3 })
  assert.deepEqual(lines, [
    '{"time":"2026-01-02T03:04:05.000Z","level":"info","message":"watch opened","part":"watch","peer":"127.0.0.1","generation":3}',
  ])
})

test('lines below the level are not written, and the level can change for all children at once', () => {
  const { log, records } = written('warn')
  const child = log.child({})
  child.info('a')
  child.warn('b')
  log.setLevel('debug')
  child.debug('c')
  log.setLevel('off')
  child.error('d')
  assert.deepEqual(
    records().map((record) => record['message']),
    ['b', 'c'],
  )
})

test('secrets are not written, whether by name or by look, at any depth', () => {
  const { log, lines } = written()
  const pem = '-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----'
  log.info('x', {
    joinToken: 's1',
    headers: { authorization: 's1', Cookie: 's1' },
    privateKey: 's1',
    key: 's1',
    text: `a ${pem} b`,
  })
  assert(!lines[0]?.includes('s1') && !lines[0]?.includes('MIGH'), `${lines[0]}`)
  assert(lines[0]?.includes('"text":"a [redacted] b"'), `${lines[0]}`)
})

test('an error is written by its message, code and cause, without its stack', () => {
  const { log, records } = written()
  const cause = Object.assign(new Error('connect failed'), { code: 'ECONNREFUSED' })
  log.warn('x', { problem: new Error('no watch', { cause }) })
  assert.deepEqual(records()[0]?.['problem'], {
    error: 'no watch',
    cause: { error: 'connect failed', code: 'ECONNREFUSED' },
  })
})

test('a message that comes too often is suppressed, and the next second says how often; others are not', () => {
  const it = written()
  for (let i = 0; i < LIMITS.logLinesPerSecond + 7; i++) it.log.warn('flood', { i })
  it.log.warn('other')
  assert.equal(it.lines.length, LIMITS.logLinesPerSecond + 1)
  it.wallMs += 1_000
  it.log.warn('flood')
  it.log.warn('flood')
  assert.deepEqual(
    it
      .records()
      .slice(-2)
      .map((record) => record['suppressed']),
    [7, undefined],
  )
})

test('fields do not replace what the line itself says', () => {
  const { log, records } = written()
  log.info('real', { message: 'forged', level: 'error', time: 0 })
  const [record] = records()
  assert.deepEqual([record?.['message'], record?.['level'], record?.['fieldMessage']], ['real', 'info', 'forged'])
})

test('a field that refers to itself costs the field, not the line', () => {
  const { log, records } = written()
  const loop: Record<string, unknown> = {}
  loop['self'] = loop
  log.info('x', { loop, size: 1n, n: 2 })
  assert.deepEqual([records()[0]?.['message'], records()[0]?.['n']], ['x', 2])
})
