import type { Endpoint } from '../../../sidecar/config/resources.ts'
import { LinkPool } from '../../../sidecar/upstream/link-pool.ts'
import { endpoint } from '../../support/resources.ts'
import { TurnedClock } from '../../support/turned-clock.ts'
import { RecordedTry } from './recorded-try.ts'
import { ScriptedDialer, type ScriptedLink } from './scripted-links.ts'

/** Where `orders-1` is reached over the mesh. */
export const ORDERS: Endpoint = endpoint('orders-1', {
  transport: 'mesh',
  port: 15_008,
  identity: 'spiffe://mesh.local/ns/shop/sa/orders',
})

/** A pool whose dials and whose clock a test has in hand. */
export interface PoolSetting {
  readonly clock: TurnedClock
  readonly dialer: ScriptedDialer
  readonly pool: LinkPool
  /** Sends `count` tries to an endpoint. */
  open(count: number, to?: Endpoint): RecordedTry[]
  /** A link that stands and whose peer allows so many streams; made by a try that has its answer already. */
  standing(streamLimit?: number, to?: Endpoint): ScriptedLink
}

/** A pool that makes up to `maxLinks` links to an endpoint. */
export function poolSetting(maxLinks = 1): PoolSetting {
  const clock = new TurnedClock()
  const dialer = new ScriptedDialer()
  const pool = new LinkPool(dialer.dial, clock)
  const open = (count: number, to = ORDERS): RecordedTry[] => {
    const tries = Array.from({ length: count }, () => new RecordedTry())
    for (const one of tries) pool.open(to, one, 1_000, maxLinks)
    return tries
  }
  const standing = (streamLimit = 100, to = ORDERS): ScriptedLink => {
    open(1, to)
    const link = dialer.last.succeed(streamLimit)
    link.answer()
    return link
  }
  return { clock, dialer, pool, open, standing }
}
