/** A message as its reader has it: start line, fields by name, body without framing, trailers. */
export type MessageFacts = Readonly<Record<string, string>>

/** Facts of one message; names are lower case, values of a repeated field are joined by ` | `, case of values is kept. */
export function readFacts(octets: string): MessageFacts {
  const headEnd = octets.indexOf('\r\n\r\n')
  const [startLine = '', ...lines] = octets.slice(0, headEnd).split('\r\n')
  const facts: Record<string, string> = { 'start line': startLine }
  for (const line of lines) addField(facts, line)
  const rest = octets.slice(headEnd + 4)
  if (facts['transfer-encoding'] === undefined) return { ...facts, body: rest }
  let body = ''
  for (let at = 0; ; ) {
    const lineEnd = rest.indexOf('\r\n', at)
    const size = Number.parseInt(rest.slice(at, lineEnd), 16)
    if (!(size > 0)) {
      for (const line of rest.slice(lineEnd + 2).split('\r\n')) if (line !== '') addField(facts, `trailer ${line}`)
      return { ...facts, body }
    }
    body += rest.slice(lineEnd + 2, lineEnd + 2 + size)
    at = lineEnd + 2 + size + 2
  }
}

function addField(facts: Record<string, string>, line: string): void {
  const colon = line.indexOf(':')
  const name = line.slice(0, colon).toLowerCase()
  const value = line.slice(colon + 1).trim()
  facts[name] = facts[name] === undefined ? value : `${facts[name]} | ${value}`
}

/** Names of facts that are not the same in both. */
export const differingFacts = (one: MessageFacts, other: MessageFacts): string[] =>
  [...new Set([...Object.keys(one), ...Object.keys(other)])].filter((name) => one[name] !== other[name]).sort()
