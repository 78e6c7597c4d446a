import type { Draw } from './smuggling-inputs.ts'

/** The request that nobody may see unless it was read as a request of its own. */
export const smuggled = ({ number, host }: Draw): string =>
  `GET /smuggled-${number} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`

/** Request line and `Host` of the request that stands before it. */
export const outer = (draw: Draw, method = draw.one(['POST', 'POST', 'PUT', 'GET', 'DELETE'])): string =>
  `${method} /outer-${draw.number} HTTP/1.1\r\nHost: ${draw.host}\r\n`

/** `text` as one chunk, and the last. */
export const chunked = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`

/** Letters in upper or lower case as chance has it. */
export const mixedCase = ({ random }: Draw, text: string): string =>
  [...text].map((letter) => (random() < 0.5 ? letter.toUpperCase() : letter.toLowerCase())).join('')

/** A whole number below `end`. */
export const below = ({ random }: Draw, end: number): number => Math.floor(random() * end)
