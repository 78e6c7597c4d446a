import { call, serve } from './service.ts'

/** The page that people see: it asks `orders`, and shows what it said. */
serve('web', {
  'GET /': async (_url, incoming) => ({ page: 'shop', orders: await call('orders', '/items', incoming.headers) }),
  'GET /checkout': async (_url, incoming) => ({
    page: 'checkout',
    order: await call('orders', '/orders', incoming.headers, { sku: 'anchor' }),
  }),
  'GET /healthz': () => ({ ok: true }),
})
