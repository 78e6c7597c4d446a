import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The checkout's top folder. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..')

/** File → files of ours that it imports, as paths from the top folder. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>
/** Folder → folders that it may import besides itself. */
export type Arrows = Readonly<Record<string, readonly string[]>>

const PRODUCT = ['certs', 'sidecar', 'control-plane', 'cli']
const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^;'"]*?from\s+'(\.{1,2}\/[^']+)'|import\('(\.{1,2}\/[^']+)'\)|(?:^|\n)import\s+'(\.{1,2}\/[^']+)'/g

/** All TypeScript files below the folders, as paths from the top folder. */
export function sourceFiles(folders: readonly string[] = PRODUCT): string[] {
  return folders
    .flatMap((folder) => readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .sort()
}

/** The imports of the product's files: types too, for they are dependencies of the reader. */
export function readImports(): ImportGraph {
  const graph = new Map<string, string[]>()
  for (const file of sourceFiles()) {
    const text = readFileSync(join(ROOT, file), 'utf8')
    const targets = [...text.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? match[3] ?? '')
    graph.set(
      file,
      targets.map((target) => posix.join(dirname(file), target)),
    )
  }
  return graph
}

/** Imports that no arrow allows, as `from → to`. */
export function illegalImports(graph: ImportGraph, arrows: Arrows): string[] {
  const illegal: string[] = []
  for (const [file, targets] of graph) {
    const from = folderOf(file, arrows)
    for (const target of targets) {
      const to = folderOf(target, arrows)
      const isInside =
        from === to || (file.startsWith('sidecar/') && from === 'sidecar' && target.startsWith('sidecar/'))
      const isAllowed = isInside || (from !== undefined && to !== undefined && allows(arrows[from] ?? [], to))
      if (!isAllowed) illegal.push(`${file} → ${target}`)
    }
  }
  return illegal
}

const allows = (allowed: readonly string[], to: string): boolean =>
  allowed.some((folder) => to === folder || to.startsWith(`${folder}/`))

/** The longest folder of the table that holds the file. */
function folderOf(file: string, arrows: Arrows): string | undefined {
  let best: string | undefined
  for (const folder of Object.keys(arrows)) {
    if (file.startsWith(`${folder}/`) && folder.length > (best?.length ?? 0)) best = folder
  }
  return best
}

/** Groups of files that import each other in a circle (Tarjan's strongly connected components). */
export function cyclesIn(graph: ImportGraph): string[][] {
  const index = new Map<string, number>()
  const low = new Map<string, number>()
  const stack: string[] = []
  const cycles: string[][] = []
  const visit = (file: string): void => {
    index.set(file, index.size)
    low.set(file, index.size - 1)
    stack.push(file)
    for (const target of graph.get(file) ?? []) {
      if (!index.has(target)) visit(target)
      else if (!stack.includes(target)) continue
      low.set(file, Math.min(low.get(file) ?? 0, low.get(target) ?? 0))
    }
    if (low.get(file) !== index.get(file)) return
    const group = stack.splice(stack.indexOf(file))
    if (group.length > 1) cycles.push(group.sort())
  }
  for (const file of graph.keys()) if (!index.has(file)) visit(file)
  return cycles
}
