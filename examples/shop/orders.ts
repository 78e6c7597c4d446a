import { call, HttpError, serve } from './service.ts'

interface Stock {
  readonly version: string
  readonly items: readonly { readonly sku: string; readonly count: number }[]
}
interface Prices {
  readonly cents: Readonly<Record<string, number>>
}

let placed = 0

/** Joins what is in stock with what it costs, and takes orders. */
serve('orders', {
  'GET /items': async (_url, incoming) => {
    const [stock, prices] = (await Promise.all([
      call('inventory', '/stock', incoming.headers),
      call('pricing', '/prices', incoming.headers),
    ])) as [Stock, Prices]
    const items = stock.items.map((item) => ({ ...item, cents: prices.cents[item.sku] ?? 0 }))
    return { inventory: stock.version, items, replica: process.env['REPLICA'] ?? '0' }
  },
  'POST /orders': async (_url, incoming, body) => {
    const { sku } = JSON.parse(body) as { sku?: string }
    if (sku === undefined) throw new HttpError(400, 'an order names a sku')
    const stock = (await call('inventory', '/stock', incoming.headers)) as Stock
    if (!stock.items.some((item) => item.sku === sku)) throw new HttpError(404, `no ${sku} in stock`)
    placed++
    return { order: placed, sku, inventory: stock.version }
  },
  'GET /admin': () => ({ placed }),
  'GET /healthz': () => ({ ok: true }),
})
