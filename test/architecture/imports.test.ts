import assert from 'node:assert/strict'
import test from 'ava'
import { type Arrows, cyclesIn, illegalImports, readImports } from './import-graph.ts'

/** Folder → folders that it may import besides itself. The longest matching folder counts, on both sides. */
const MAY_IMPORT: Arrows = {
  certs: [],
  'sidecar/core': ['certs'],
  'sidecar/config': ['certs', 'sidecar/core'],
  'sidecar/http': ['certs', 'sidecar/core'],
  'sidecar/http1': ['certs', 'sidecar/core', 'sidecar/http'],
  'sidecar/http2': ['certs', 'sidecar/core', 'sidecar/http'],
  'sidecar/decide': ['certs', 'sidecar/core', 'sidecar/config', 'sidecar/http', 'sidecar/balancing'],
  'sidecar/balancing': [
    'certs',
    'sidecar/core',
    'sidecar/config',
    'sidecar/http',
    'sidecar/resilience',
    'sidecar/decide',
  ],
  'sidecar/resilience': ['certs', 'sidecar/core', 'sidecar/config', 'sidecar/http'],
  'sidecar/connection': ['certs', 'sidecar/core', 'sidecar/http', 'sidecar/http1', 'sidecar/http2'],
  'sidecar/capture': [
    'certs',
    'sidecar/core',
    'sidecar/config',
    'sidecar/http',
    'sidecar/http1',
    'sidecar/http2',
    'sidecar/connection',
    'sidecar/tunnel',
  ],
  'sidecar/mtls': ['certs', 'sidecar/core'],
  'sidecar/telemetry': ['certs', 'sidecar/core', 'sidecar/config', 'sidecar/http'],
  'sidecar/pipeline': [
    'certs',
    'sidecar/core',
    'sidecar/config',
    'sidecar/http',
    'sidecar/decide',
    'sidecar/balancing',
    'sidecar/resilience',
    'sidecar/telemetry',
  ],
  'sidecar/upstream': [
    'certs',
    'sidecar/http2',
    'sidecar/core',
    'sidecar/config',
    'sidecar/http',
    'sidecar/connection',
    'sidecar/resilience',
    'sidecar/pipeline',
    'sidecar/mtls',
  ],
  'sidecar/tunnel': [
    'certs',
    'sidecar/core',
    'sidecar/http',
    'sidecar/connection',
    'sidecar/resilience',
    'sidecar/pipeline',
  ],
  'sidecar/admin': ['certs', 'sidecar/decide', 'sidecar/core', 'sidecar/config', 'sidecar/telemetry'],
  'sidecar/config-client': ['certs', 'sidecar/core', 'sidecar/config', 'sidecar/mtls'],
  'control-plane': ['certs', 'sidecar/core', 'sidecar/config', 'sidecar/decide', 'sidecar/telemetry', 'sidecar/http'],
  cli: ['certs', 'sidecar', 'control-plane'],
  sidecar: ['certs'],
}

test('imports follow the arrows of the design', () => {
  assert.deepEqual(illegalImports(readImports(), MAY_IMPORT), [])
})

test('no file is part of an import cycle', () => {
  assert.deepEqual(cyclesIn(readImports()), [])
})

test('an import against an arrow is found', () => {
  const graph = new Map([['certs/a.ts', ['sidecar/core/b.ts']]])
  assert.deepEqual(illegalImports(graph, MAY_IMPORT), ['certs/a.ts → sidecar/core/b.ts'])
})

test('a cycle is found', () => {
  const graph = new Map([
    ['a.ts', ['b.ts']],
    ['b.ts', ['a.ts']],
  ])
  assert.deepEqual(cyclesIn(graph), [['a.ts', 'b.ts']])
})
