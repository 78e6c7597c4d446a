import { isDeepStrictEqual } from 'node:util'
import { type Message, type Said, valuesOf } from './read-message.ts'

/** What the reader gets of a field that was sent with these values. */
export type Expected = (sent: readonly string[]) => readonly (string | RegExp)[]

/** Why two proxies say one field differently, or at another place, and what exactly each of them says. */
export interface Explanation {
  readonly why: string
  readonly ours: Expected
  readonly theirs: Expected
}

export const AS_SENT: Expected = (sent) => sent
export const ABSENT: Expected = () => []
export const always =
  (value: string | RegExp): Expected =>
  () => [value]

/** One message before and behind both proxies. */
export interface Passage {
  readonly sent: Message
  readonly ours: Message
  readonly theirs: Message
}

/**
 * What differs between the two messages without an explanation, a line each: names, values and order. A field that is
 * explained must have the values that its explanation says; its place is free.
 * @param used gets the names whose explanation was needed
 */
export function unexplained(
  { sent, ours, theirs }: Passage,
  table: Readonly<Record<string, Explanation>>,
  used: Set<string>,
): string[] {
  const problems: string[] = []
  const left = (message: Message, ...kept: string[]): readonly Said[] =>
    message.filter(([name]) => !Object.hasOwn(table, name) || kept.includes(name))
  if (!isDeepStrictEqual(left(ours), left(theirs)))
    problems.push(`a sidecar says ${show(left(ours))}, http2-proxy ${show(left(theirs))}`)
  for (const [name, explanation] of Object.entries(table)) {
    if (!isDeepStrictEqual(left(ours, name), left(theirs, name))) used.add(name)
    for (const [who, message, expected] of [
      ['a sidecar', ours, explanation.ours],
      ['http2-proxy', theirs, explanation.theirs],
    ] as const) {
      const [values, wanted] = [valuesOf(message, name), expected(valuesOf(sent, name))]
      if (!isAs(values, wanted)) problems.push(`${name}: ${who} says ${show(values)}, not ${wanted}`)
    }
  }
  return problems
}

const isAs = (values: readonly string[], wanted: readonly (string | RegExp)[]): boolean =>
  values.length === wanted.length &&
  wanted.every((one, i) => (typeof one === 'string' ? one === values[i] : one.test(values[i] ?? '')))

const show = (value: unknown): string => JSON.stringify(value).slice(0, 1_000)
