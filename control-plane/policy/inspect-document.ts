import { type Document, isAlias, isMap, isPair, isScalar, isSeq, type Node } from 'yaml'
import type { FieldPath, ShapeProblem } from './shape-problems.ts'

/** Deeper than any kind; what recurses over a manifest stays far from the end of the stack. */
const MAX_DEPTH = 64

/**
 * What YAML allows and a manifest may not hold: anchors and aliases (a few lines can mean gigabytes), explicit tags,
 * keys that are not text or appear twice, `__proto__`, nesting deeper than 64.
 *
 * The parser's own `uniqueKeys` compares each key with each: 9 s for 30,000 keys (290 KB); this is linear.
 */
export function inspectDocument(document: Document): readonly ShapeProblem[] {
  const problems: ShapeProblem[] = []
  inspect(document.contents as Node | null, [], problems)
  return problems
}

function inspect(node: unknown, path: FieldPath, problems: ShapeProblem[]): void {
  if (isAlias(node)) {
    problems.push({ path, problem: 'is an alias', found: `*${node.source}`, allowed: 'the value itself, written out' })
    return
  }
  if (!isScalar(node) && !isMap(node) && !isSeq(node)) return
  if (node.anchor !== undefined) {
    problems.push({
      path,
      problem: 'has an anchor',
      found: `&${node.anchor}`,
      allowed: 'values without anchors and aliases',
    })
  }
  if (node.tag?.startsWith('!') === true) {
    problems.push({ path, problem: 'has a tag', found: node.tag, allowed: 'values without tags' })
  }
  if (isScalar(node)) return
  if (path.length >= MAX_DEPTH) {
    problems.push({ path, problem: 'is nested too deep', allowed: `at most ${MAX_DEPTH} levels` })
    return
  }
  if (isSeq(node)) {
    for (const [i, item] of node.items.entries()) inspect(item, [...path, i], problems)
    return
  }
  const seen = new Set<string>()
  for (const pair of node.items) {
    const key = isPair(pair) && isScalar(pair.key) ? pair.key.value : undefined
    if (typeof key !== 'string') {
      problems.push({
        path,
        problem: 'has a key that is not text',
        found: String(pair.key),
        allowed: 'text as keys, quoted where needed',
      })
      continue
    }
    if (seen.has(key)) problems.push({ path: [...path, key], problem: 'appears twice', allowed: 'each key once' })
    else if (key === '__proto__') problems.push({ path: [...path, key], problem: 'is a name that no manifest may use' })
    else inspect(pair.value, [...path, key], problems)
    seen.add(key)
  }
}
