import { serve } from './service.ts'

const version = process.env['VERSION'] ?? 'v1'
const items = [
  { sku: 'anchor', count: 3 },
  { sku: 'oar', count: 40 },
  ...(version === 'v2' ? [{ sku: 'sail', count: 7 }] : []),
]

/** What is in the warehouse; v2 knows one thing more. */
serve(`inventory ${version}`, {
  'GET /stock': () => ({ version, items }),
  'GET /healthz': () => ({ ok: true }),
})
