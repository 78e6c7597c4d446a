/** One thing that a message says, and how: a field by its name in lower case, and the rest by names that no field can have. */
export type Said = readonly [name: string, value: string]

/**
 * A message as its reader has it, in its order: start line, fields, body without framing, trailers (`trailer x-sum`).
 * The case of values is kept; what comes twice stands twice.
 */
export type Message = readonly Said[]

/** The message that these octets are, which is whole. */
export function readMessage(octets: string): Message {
  const headEnd = octets.indexOf('\r\n\r\n')
  const [startLine = '', ...lines] = octets.slice(0, headEnd).split('\r\n')
  const head: Said[] = [['start line', startLine], ...lines.map((line) => readField(line))]
  const rest = octets.slice(headEnd + 4)
  if (!head.some(([name]) => name === 'transfer-encoding')) return [...head, ['body', rest]]
  let body = ''
  for (let at = 0; ; ) {
    const lineEnd = rest.indexOf('\r\n', at)
    const size = Number.parseInt(rest.slice(at, lineEnd), 16)
    if (!(size > 0)) {
      const trailers = rest.slice(lineEnd + 2).split('\r\n')
      return [...head, ['body', body], ...trailers.filter(Boolean).map((line) => readField(line, 'trailer '))]
    }
    body += rest.slice(lineEnd + 2, lineEnd + 2 + size)
    at = lineEnd + 2 + size + 2
  }
}

/** All values of what has this name, in their order. */
export const valuesOf = (message: Message, name: string): readonly string[] =>
  message.filter(([known]) => known === name).map(([, value]) => value)

function readField(line: string, before = ''): Said {
  const colon = line.indexOf(':')
  return [before + line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
}
