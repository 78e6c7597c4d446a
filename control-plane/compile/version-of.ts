import { createHash } from 'node:crypto'

/** Version of a resource: the first 16 hexadecimal digits of the SHA-256 of its canonical JSON. The same content has the same version on every replica. */
export const versionOf = (resource: object): string =>
  createHash('sha256').update(canonicalJson(resource)).digest('hex').slice(0, 16)

/** JSON with the keys of every object in order and without absent fields, so that equal values are equal texts. */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const fields = Object.entries(value)
    .filter(([, child]) => child !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `{${fields.map(([key, child]) => `${JSON.stringify(key)}:${canonicalJson(child)}`).join(',')}}`
}
