import { type FieldKind, kindOfName } from './field-kind.ts'

/** A field of the static or dynamic table. */
export interface TableEntry {
  readonly name: string
  readonly value: string
  readonly kind: FieldKind
  /** RFC 7541 §4.1: name + value + 32. */
  readonly bytes: number
}

/** Entries of the static table; the first dynamic entry has the index after them. */
export const STATIC_COUNT = 61

// biome-ignore format: one name a line
const TEXT = `
:authority
:method GET
:method POST
:path /
:path /index.html
:scheme http
:scheme https
:status 200
:status 204
:status 206
:status 304
:status 400
:status 404
:status 500
accept-charset
accept-encoding gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate`

/** RFC 7541 Appendix A. Element 0 stands for the index 0, which means nothing (§6.1). */
export const STATIC_TABLE: readonly (TableEntry | undefined)[] = TEXT.split('\n').map((line) => {
  if (line === '') return undefined
  const space = line.indexOf(' ')
  const name = space < 0 ? line : line.slice(0, space)
  const value = space < 0 ? '' : line.slice(space + 1)
  return { name, value, kind: kindOfName(name), bytes: name.length + value.length + 32 }
})
