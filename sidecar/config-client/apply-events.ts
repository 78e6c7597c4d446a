import { bundleFromPem } from '../../certs/bundle.ts'
import type { ResourceKind } from '../config/resources.ts'
import type { Change, SnapshotStore } from '../config/snapshot-store.ts'
import type { WatchRequest } from '../config/watch-protocol.ts'
import type { ArrivedEvent } from './watch-event.ts'

type Told = Extract<ArrivedEvent, { type: 'put' | 'delete' }>

/** Applies events that arrived together as one swap of the snapshot. Answers what is to be reported: an `ack` or `nack` for each. */
export function applyEvents(store: SnapshotStore, events: readonly Told[]): readonly WatchRequest[] {
  const reports: WatchRequest[] = []
  const changes: Change[] = []
  const applied: Told[] = []
  for (const event of events) {
    const reason = event.type === 'put' ? whyUnusable(event) : undefined
    if (reason !== undefined) reports.push(nack(event, reason))
    else {
      applied.push(event)
      changes.push(toChange(event))
    }
  }
  const rejections = store.apply(changes)
  for (const event of applied) {
    const rejection = rejections.find(
      ({ kind, name, version }) => kind === event.kind && name === event.name && version === event.version,
    )
    const { kind, name, version } = event
    reports.push(rejection === undefined ? { type: 'ack', kind, name, version } : nack(event, rejection.reason))
  }
  return reports
}

const toChange = (event: Told): Change =>
  event.type === 'put' ? { put: event.resource, version: event.version } : { delete: event.kind, name: event.name }

const nack = ({ kind, name, version }: Told, reason: string): WatchRequest => ({
  type: 'nack',
  kind,
  name,
  version,
  reason,
})

/** What the schema can't say: the resource is what the event calls it, and roots can be used as roots. */
function whyUnusable(event: Extract<Told, { type: 'put' }>): string | undefined {
  const resource = event.resource as { kind?: unknown; name?: unknown; sequence?: unknown; rootsPem?: unknown } | null
  if (resource?.kind !== event.kind || resource.name !== event.name)
    return `the event is for ${event.kind} "${event.name}", its resource is not`
  return event.kind === ('Trust' satisfies ResourceKind) ? whyNoRoots(event.name, resource) : undefined
}

function whyNoRoots(name: string, trust: { sequence?: unknown; rootsPem?: unknown }): string | undefined {
  const { sequence, rootsPem } = trust
  // Another shape is the schema's to refuse.
  if (typeof sequence !== 'number' || !Array.isArray(rootsPem) || !rootsPem.every((pem) => typeof pem === 'string'))
    return undefined
  const bundle = bundleFromPem(name, sequence, rootsPem)
  return bundle.ok ? undefined : `rootsPem: ${bundle.error}`
}
