import { serve } from './service.ts'

/** What things cost. */
serve('pricing', {
  'GET /prices': () => ({ cents: { anchor: 12_900, oar: 2_400, sail: 48_000 } }),
  'GET /healthz': () => ({ ok: true }),
})
