import { readFile } from 'node:fs/promises'
import { bundleFromPem, type TrustBundle } from '../certs/bundle.ts'
import { err, ok, type Result } from '../certs/result.ts'
import { type SpiffeId, workloadId } from '../certs/spiffe-id.ts'
import type { Bootstrap } from './config/bootstrap.ts'
import type { SnapshotStore } from './config/snapshot-store.ts'
import type { Registration } from './config/watch-protocol.ts'
import type { Clock } from './core/clock.ts'
import { appTargetId } from './inbound/inbound-lane.ts'
import type { InboundProxy } from './inbound/inbound-proxy.ts'
import type { PlainInbound } from './inbound/plain-inbound.ts'
import type { IdentityStore } from './mtls/identity-store.ts'
import type { OutboundProxy } from './outbound/outbound-proxy.ts'
import type { LinkPool } from './upstream/link-pool.ts'

/** How often pools look for endpoints that left. */
const POOL_SWEEP_MS = 10_000

/** Ports as they were bound. */
export interface BoundPorts {
  readonly inbound: number | undefined
  /** In the order of the flags. */
  readonly plain: readonly number[]
  /** By service; the listener by Host under ''. */
  readonly upstreams: ReadonlyMap<string, number>
}

/** Who this sidecar is to be, from its options. */
export function identityOf(boot: Bootstrap): Result<SpiffeId, string> {
  const id = workloadId(boot.trustDomain, boot.workload.split('/')[0] ?? '', boot.serviceAccount)
  return id.ok
    ? id
    : err(
        `Cannot make an identity of trust domain "${boot.trustDomain}", workload "${boot.workload}" and service account "${boot.serviceAccount}": ${id.error}`,
      )
}

/** The roots that the control plane is recognized by at first contact. */
export async function readBundle(file: string, trustDomain: string): Promise<Result<TrustBundle, string>> {
  let pem: string
  try {
    pem = await readFile(file, 'utf8')
  } catch (error) {
    return err(
      `Cannot read the trust bundle ${file} (--bundle): ${(error as NodeJS.ErrnoException).code}; the control plane writes it to its data directory`,
    )
  }
  const bundle = bundleFromPem(trustDomain, 0, [pem])
  return bundle.ok ? bundle : err(`Cannot use the trust bundle ${file} (--bundle): ${bundle.error}`)
}

/** The join token as its file has it now; undefined where no file is named. Read for each use: tokens are replaced. */
export async function readJoinToken(file: string | undefined): Promise<Result<string | undefined, string>> {
  if (file === undefined) return ok(undefined)
  try {
    return ok((await readFile(file, 'utf8')).trim())
  } catch (error) {
    return err(`Cannot read the join token ${file} (--join-token-file): ${(error as NodeJS.ErrnoException).code}`)
  }
}

/** Binds every listener, or says which one can't be had. */
export async function bind(
  boot: Bootstrap,
  outbound: OutboundProxy,
  inbound: InboundProxy,
  plain: PlainInbound,
): Promise<Result<BoundPorts, string>> {
  const plainPorts: number[] = []
  for (const { listen, appPort } of boot.plain) {
    const bound = await plain.listen(listen, appPort, '--plain')
    if (!bound.ok) return bound
    plainPorts.push(bound.value)
  }
  const upstreams = new Map<string, number>()
  for (const { service, port, listen } of boot.upstreams) {
    const bound = await outbound.listen(listen, { service, port }, '--upstream')
    if (!bound.ok) return bound
    upstreams.set(service, bound.value)
  }
  if (boot.outbound !== undefined) {
    const bound = await outbound.listen(boot.outbound, { service: undefined, port: undefined }, '--outbound')
    if (!bound.ok) return bound
    upstreams.set('', bound.value)
  }
  if (boot.inbound === undefined) return ok({ inbound: undefined, plain: plainPorts, upstreams })
  const bound = await inbound.listen(boot.inbound)
  return bound.ok ? ok({ inbound: bound.value, plain: plainPorts, upstreams }) : bound
}

/** What this sidecar registers as, once it knows its own port. */
export function registrations(boot: Bootstrap, meshPort: number | undefined): Registration[] {
  if (meshPort === undefined || boot.inbound === undefined) return []
  const address = boot.advertiseHost ?? boot.inbound.host
  return boot.serves.map((served) => ({ ...served, address, meshPort }))
}

/** Resolves when there is a certificate. */
export const firstIdentity = (identities: IdentityStore): Promise<void> =>
  new Promise((resolve) => {
    const subscription = identities.subscribe(() => {
      resolve()
      queueMicrotask(() => subscription[Symbol.dispose]())
    })
  })

/** Lets the pools forget endpoints that left, ports that are served no more, and what is idle for long. */
export function sweepPools(
  pools: { readonly links: LinkPool; readonly http2Apps: LinkPool },
  snapshots: SnapshotStore,
  clock: Clock,
): Disposable {
  let timer = clock.after(POOL_SWEEP_MS, sweep, { background: true })
  function sweep(): void {
    const ids = new Set<string>()
    for (const { endpoints } of snapshots.current.endpoints.values()) for (const { id } of endpoints) ids.add(id)
    pools.links.retain(ids)
    pools.http2Apps.retain(new Set(snapshots.current.workload?.serves.map(({ appPort }) => appTargetId(appPort))))
    timer = clock.after(POOL_SWEEP_MS, sweep, { background: true })
  }
  return { [Symbol.dispose]: () => timer.cancel() }
}
