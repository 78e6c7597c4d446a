import { isMap, isNode, isScalar, isSeq, type LineCounter, type ParsedNode } from 'yaml'
import type { FieldPath } from './shape-problems.ts'

/** Line of a field in a parsed document, from 1: that of its key or element, or of the nearest part of its path that exists. Undefined in an empty document. */
export function lineOfField(root: ParsedNode | null, path: FieldPath, lines: LineCounter): number | undefined {
  let node: unknown = root
  let offset = root?.range[0]
  for (const segment of path) {
    let found: { readonly at: unknown; readonly value: unknown } | undefined
    if (isMap(node)) {
      // The last one: where a key appears twice, the second is the problem.
      const pair = node.items.findLast((item) => isScalar(item.key) && item.key.value === segment)
      found = pair && { at: pair.key, value: pair.value }
    } else if (isSeq(node) && typeof segment === 'number') {
      const item = node.items[segment]
      found = item === undefined ? undefined : { at: item, value: item }
    }
    if (found === undefined) break
    if (isNode(found.at) && found.at.range) offset = found.at.range[0]
    node = found.value
  }
  return offset === undefined ? undefined : lines.linePos(offset).line
}
