/** No other way to read it: shared, for nearly every path is such. */
const NONE: readonly string[] = []

/**
 * How else applications read a canonical pathname: with every ASCII escape decoded and `\` as `/` (WSGI, Rack, IIS), and that
 * without the parameters of its segments too, `/admin;a=1` as `/admin` (Servlet). Dot segments and empty ones that come to
 * light are resolved, so `/x/..%2Fadmin` is read as `/admin` (Istio: DECODE_AND_MERGE_SLASHES). Policy asks these beside the
 * form that is sent on; a path is never rewritten to one. Empty for a path with neither `%` nor `;`.
 */
export function otherReadings(pathname: string): readonly string[] {
  if (!pathname.includes('%') && !pathname.includes(';')) return NONE
  const readings = new Set([resolveDots(decodeAscii(pathname)), resolveDots(decodeAscii(withoutParameters(pathname)))])
  readings.delete(pathname)
  return [...readings]
}

/** Parameters end a segment (RFC 3986 §3.3); `;` behind an escape is none. */
const withoutParameters = (pathname: string): string => pathname.replace(/;[^/]*/g, '')

/** Octets above ASCII stay as they are: characters of UTF-8, which every reader has the same. */
const decodeAscii = (pathname: string): string =>
  pathname
    .replace(/%([0-7][0-9A-Fa-f])/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replaceAll('\\', '/')

/** The path without `.`, `..` and empty segments; a slash at its end stays (RFC 3986 §5.2.4, and `//` merged). */
export function resolveDots(pathname: string): string {
  const segments: string[] = []
  const parts = pathname.split('/')
  for (let i = 1; i < parts.length; i++) {
    const part = parts[i] as string
    if (part === '..') segments.pop()
    else if (part !== '.' && part !== '') segments.push(part)
    if (i === parts.length - 1 && (part === '' || part === '.' || part === '..')) segments.push('')
  }
  return `/${segments.join('/')}`
}
