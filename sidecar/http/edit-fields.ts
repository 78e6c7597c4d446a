import type { Fields } from './head.ts'

/** Changes to fields as a route's filter asks for them: names lower case; `remove`, then `set`, then `add`. */
interface FieldEdits {
  readonly set: readonly { readonly name: string; readonly value: string }[]
  readonly add: readonly { readonly name: string; readonly value: string }[]
  readonly remove: readonly string[]
}

/** A list with the edits made (Gateway API, HTTPHeaderFilter): `set` replaces all of a name, `add` appends to them. */
export function editFields(fields: Fields, edits: FieldEdits): Fields {
  const edited: string[] = []
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] as string
    if (edits.remove.includes(name) || edits.set.some((edit) => edit.name === name)) continue
    edited.push(name, fields[at + 1] as string)
  }
  for (const { name, value } of edits.set) edited.push(name, value)
  for (const { name, value } of edits.add) edited.push(name, value)
  return edited
}
