import { createHash } from 'node:crypto'

/** A short sum of octets, for trailers. */
export const sumOf = (octets: Buffer): string => createHash('sha1').update(octets).digest('hex')
