import assert from 'node:assert/strict'
import test from 'ava'
import { SnapshotStore } from '../../../sidecar/config/snapshot-store.ts'
import { LineSplitter } from '../../../sidecar/config/watch-lines.ts'
import { applyEvents } from '../../../sidecar/config-client/apply-events.ts'
import { type ArrivedEvent, readEvent } from '../../../sidecar/config-client/watch-event.ts'

const TEXT = Buffer.from('{"a":"ä"}\n\n{"b":2}\r\n{"c":3}\nrest')

test('lines are the same wherever the stream is cut', () => {
  const lines = (...chunks: Buffer[]): string[] => {
    const splitter = new LineSplitter(100)
    return chunks.flatMap((chunk) => {
      const cut = splitter.push(chunk)
      assert.ok(cut.ok)
      return [...cut.value]
    })
  }
  const whole = lines(TEXT)
  assert.deepEqual(whole, ['{"a":"ä"}', '{"b":2}', '{"c":3}'])
  for (let i = 0; i <= TEXT.length; i++) assert.deepEqual(lines(TEXT.subarray(0, i), TEXT.subarray(i)), whole)
  assert.deepEqual(lines(...[...TEXT].map((octet) => Buffer.of(octet))), whole)
})

test('a line over the limit is an error before it is complete', () => {
  const splitter = new LineSplitter(10)
  assert.ok(splitter.push(Buffer.from('0123456789\n')).ok)
  assert.ok(splitter.push(Buffer.from('0123456789')).ok)
  assert.ok(!splitter.push(Buffer.from('x')).ok)
  assert.ok(!new LineSplitter(10).push(Buffer.from('01234567890\n')).ok)
})

test('events are read, what is new is skipped, and what is broken is an error', () => {
  const cases: readonly (readonly [string, ArrivedEvent['type'] | 'error'])[] = [
    ['{"type":"ping"}', 'ping'],
    ['{"type":"synced"}', 'synced'],
    ['{"type":"put","kind":"Service","name":"a/b","version":"1","resource":{}}', 'put'],
    ['{"type":"delete","kind":"Service","name":"a/b","version":"1"}', 'delete'],
    ['{"type":"put","kind":"RateLimit","name":"a/b","version":"1","resource":{}}', 'unknown'],
    ['{"type":"goodbye"}', 'unknown'],
    ['{"type":"put","kind":"Service"}', 'error'],
    ['{"type":1}', 'error'],
    ['[]', 'error'],
    ['null', 'error'],
    ['{', 'error'],
  ]
  for (const [line, type] of cases) {
    const event = readEvent(line)
    assert.equal(event.ok ? event.value.type : 'error', type, line)
  }
})

const put = (kind: 'Endpoints' | 'Trust', name: string, version: string, resource: unknown) =>
  ({ type: 'put', kind, name, version, resource }) as const

test('what is valid is applied as one swap, what is not is refused by itself', () => {
  const store = new SnapshotStore()
  let swaps = 0
  store.subscribe(() => swaps++)
  const reports = applyEvents(store, [
    put('Endpoints', 'shop/a', '1', { kind: 'Endpoints', name: 'shop/a', endpoints: [] }),
    put('Endpoints', 'shop/b', '1', { kind: 'Endpoints', name: 'shop/b', endpoints: [], extra: 1 }),
    put('Endpoints', 'shop/c', '1', { kind: 'Endpoints', name: 'shop/other', endpoints: [] }),
    put('Endpoints', 'shop/d', '1', null),
    put('Trust', 'mesh.test', '1', { kind: 'Trust', name: 'mesh.test', rootsPem: ['no pem'], sequence: 1 }),
    { type: 'delete', kind: 'Service', name: 'shop/x', version: 'absent' },
  ])
  assert.equal(swaps, 1)
  assert.deepEqual([...store.current.endpoints.keys()], ['shop/a'])
  const byName = new Map(reports.map((report) => ['name' in report ? report.name : '', report]))
  assert.equal(byName.get('shop/a')?.type, 'ack')
  assert.equal(byName.get('shop/x')?.type, 'ack')
  for (const [name, reason] of [
    ['shop/b', /extra: is not a known field/],
    ['shop/c', /its resource is not/],
    ['shop/d', /its resource is not/],
    ['mesh.test', /rootsPem/],
  ] as const) {
    const report = byName.get(name)
    assert.ok(report?.type === 'nack', name)
    assert.match(report.reason, reason)
  }
})

test('of two versions that arrive together each is reported for itself', () => {
  const store = new SnapshotStore()
  const reports = applyEvents(store, [
    put('Endpoints', 'shop/a', '1', { kind: 'Endpoints', name: 'shop/a', endpoints: [], extra: 1 }),
    put('Endpoints', 'shop/a', '2', { kind: 'Endpoints', name: 'shop/a', endpoints: [] }),
  ])
  assert.deepEqual(
    reports.map((report) => `${report.type} ${'version' in report ? report.version : ''}`),
    ['nack 1', 'ack 2'],
  )
})
