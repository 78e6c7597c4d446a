import Type, { type Static } from 'typebox'
import { err, ok, type Result } from '../../certs/result.ts'
import { Protocol } from '../../sidecar/config/resources.ts'
import { QUALIFIED_NAME } from '../../sidecar/config/watch-protocol.ts'
import { parserOf, toLine } from '../../sidecar/core/schema.ts'

const Port = Type.Integer({ minimum: 1, maximum: 65535 })

/** What an instance of ours says about itself in the registry. */
export const InstanceMeta = Type.Object(
  {
    /** `namespace/name` of the workload. */
    workload: Type.String({ pattern: QUALIFIED_NAME }),
    /** `namespace/name` of the service that it is an instance of. */
    service: Type.String({ pattern: QUALIFIED_NAME }),
    /** The service's port. */
    port: Port,
    /** The application's port behind the sidecar. */
    appPort: Port,
    protocol: Protocol,
    /** SPIFFE ID. */
    identity: Type.String({ pattern: '^spiffe://[a-z0-9._-]+(/[a-zA-Z0-9._-]+)+$', maxLength: 512 }),
    labels: Type.Record(Type.String(), Type.String()),
  },
  { additionalProperties: false },
)
export type InstanceMeta = Static<typeof InstanceMeta>
const PARSER = parserOf(InstanceMeta)

const PREFIX = 'outrigger-'
const LABEL_PREFIX = `${PREFIX}label-`
/** Consul: 64 pairs, keys of 128 octets in [A-Za-z0-9_-], values of 512. Label names have dots and slashes, so that a label is a value. */
const MAX_VALUE_LENGTH = 512
const MAX_LABELS = 48

/** Whether metadata is ours. */
export const isOurs = (meta: Readonly<Record<string, string>>): boolean => Object.hasOwn(meta, `${PREFIX}workload`)

/** The metadata of a registered instance, or why it can't be stored: more than 48 labels, or a text of more than 512 characters. */
export function toMeta(facts: InstanceMeta): Result<Readonly<Record<string, string>>, string> {
  const labels = Object.entries(facts.labels).sort(([a], [b]) => (a < b ? -1 : 1))
  if (labels.length > MAX_LABELS)
    return err(`the workload has ${labels.length} labels; at most ${MAX_LABELS} can be registered`)
  const meta: Record<string, string> = {
    [`${PREFIX}workload`]: facts.workload,
    [`${PREFIX}service`]: facts.service,
    [`${PREFIX}port`]: String(facts.port),
    [`${PREFIX}app-port`]: String(facts.appPort),
    [`${PREFIX}protocol`]: facts.protocol,
    [`${PREFIX}identity`]: facts.identity,
  }
  for (const [i, [name, value]] of labels.entries()) meta[`${LABEL_PREFIX}${i}`] = `${name}=${value}`
  for (const [key, value] of Object.entries(meta)) {
    if (value.length > MAX_VALUE_LENGTH) {
      return err(`${key} is ${value.length} characters long; at most ${MAX_VALUE_LENGTH} can be registered`)
    }
  }
  return ok(meta)
}

/** What `toMeta` wrote, or why the metadata is none of ours. Other keys are ignored: anyone may add some. */
export function fromMeta(meta: Readonly<Record<string, string>>): Result<InstanceMeta, string> {
  const labels: [string, string][] = []
  for (const [key, value] of Object.entries(meta)) {
    if (!key.startsWith(LABEL_PREFIX)) continue
    const equals = value.indexOf('=')
    if (equals > 0) labels.push([value.slice(0, equals), value.slice(equals + 1)])
  }
  const read = PARSER.parse({
    workload: meta[`${PREFIX}workload`],
    service: meta[`${PREFIX}service`],
    port: Number(meta[`${PREFIX}port`]),
    appPort: Number(meta[`${PREFIX}app-port`]),
    protocol: meta[`${PREFIX}protocol`],
    identity: meta[`${PREFIX}identity`],
    labels: Object.fromEntries(labels.filter(([name]) => name !== '__proto__')),
  })
  return read.ok ? read : err(read.error.map(toLine).join('; '))
}
