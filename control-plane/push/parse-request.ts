import { err, type Result } from '../../certs/result.ts'
import { WatchRequest } from '../../sidecar/config/watch-protocol.ts'
import { parserOf, toLine } from '../../sidecar/core/schema.ts'

/** One for each type of message: a message is told what is wrong with it, not that it is no other. */
const requestParsers = new Map(WatchRequest.anyOf.map((shape) => [shape.properties.type.const, parserOf(shape)]))
/** A peer's own words come back to it in part only. */
const MAX_PROBLEM_LENGTH = 1_024

/** One line of a sidecar, or what is wrong with it. */
export function parseRequest(line: string): Result<WatchRequest, string> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return err('a line is not JSON')
  }
  const type = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined
  const parser = requestParsers.get(type as WatchRequest['type'])
  if (parser === undefined) return err(`a message has none of the types ${[...requestParsers.keys()].join(', ')}`)
  const parsed = parser.parse(value)
  if (parsed.ok) return parsed
  const problems = parsed.error.slice(0, 3).map(toLine).join('; ')
  return err(`"${type}" is malformed: ${problems.slice(0, MAX_PROBLEM_LENGTH)}`)
}
