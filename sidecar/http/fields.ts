import type { Fields } from './head.ts'

const at = (fields: Fields, i: number): string => fields[i] as string

/** The value of the first field called `name` (lower case), or undefined. Linear in the number of fields. */
export function findField(fields: Fields, name: string): string | undefined {
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) return fields[i + 1]
  return undefined
}

/** Whether a field called `name` (lower case) is there. */
export const hasField = (fields: Fields, name: string): boolean => findField(fields, name) !== undefined

/** All values of fields called `name` (lower case), in order: what a policy must look at (Envoy CVE-2026-26308). */
export function fieldValues(fields: Fields, name: string): string[] {
  const values: string[] = []
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) values.push(at(fields, i + 1))
  return values
}

/** All values of `name` as one, joined as RFC 9110 §5.2 says, or undefined when there is none. */
export function joinedField(fields: Fields, name: string): string | undefined {
  let joined: string | undefined
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] === name) joined = joined === undefined ? at(fields, i + 1) : `${joined}, ${at(fields, i + 1)}`
  }
  return joined
}

/** The items of a comma-separated list, in lower case, without empty ones; only SP and HTAB are white space (RFC 9110 §5.6.1). */
export function listItems(value: string): string[] {
  const items: string[] = []
  for (const part of value.split(',')) {
    const item = trimSpace(part).toLowerCase()
    if (item !== '') items.push(item)
  }
  return items
}

/**
 * `text` without SP and HTAB at its ends, in linear time: a regular expression would begin anew at each blank of a run.
 * `String.trim` takes more away, NBSP say, and what it hides, others see.
 */
export function trimSpace(text: string): string {
  let from = 0
  let to = text.length
  while (from < to && isBlank(text.charCodeAt(from))) from++
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--
  return to - from === text.length ? text : text.slice(from, to)
}

/** SP or HTAB: the only white space that fields know (RFC 9110 §5.6.3). */
export const isBlank = (code: number): boolean => code === 0x20 || code === 0x09

/** A list in which `name` (lower case) stands exactly once, with `value`: in the place of the first, else at the end. */
export function withField(fields: Fields, name: string, value: string): Fields {
  const edited: string[] = []
  let isPlaced = false
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] !== name) edited.push(at(fields, i), at(fields, i + 1))
    else if (!isPlaced) {
      edited.push(name, value)
      isPlaced = true
    }
  }
  if (!isPlaced) edited.push(name, value)
  return edited
}

/** A list with one more field at its end; others of the same name stay. */
export const withAddedField = (fields: Fields, name: string, value: string): Fields => [...fields, name, value]

/** A list without any field called `name` (lower case); the list itself when there is none. */
export function withoutField(fields: Fields, name: string): Fields {
  if (!hasField(fields, name)) return fields
  return filterFields(fields, (other) => other !== name)
}

/** A list of the fields whose name `keep` accepts. */
export function filterFields(fields: Fields, keep: (name: string) => boolean): Fields {
  const kept: string[] = []
  for (let i = 0; i < fields.length; i += 2) {
    const name = at(fields, i)
    if (keep(name)) kept.push(name, at(fields, i + 1))
  }
  return kept
}
