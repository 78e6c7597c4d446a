import { copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'

/** Packages of CommonJS ask for Node's modules with `require`; under a name that no bundle declares itself. */
const REQUIRE =
  "import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url);"
/**
 * An `import` of `node:http` asks for everything that the module exports, `WebSocket` with it, and Node loads its fetch for
 * that: 14 MiB of each process. Asked for itself, the module loads what is used.
 */
const LEAN_HTTP: Plugin = {
  name: 'lean-http',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?http$/ }, () => ({ path: 'node:http', namespace: 'lean' }))
    onLoad({ filter: /./, namespace: 'lean' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule('${path}')`,
    }))
  },
}
const ROOT = fileURLToPath(new URL('..', import.meta.url))

/**
 * Writes the product to `dist/` of the folder, as bundles that need Node and nothing else. A process of sources spends
 * its start on reading a thousand files and stripping their types, and holds half as much memory again as one of bundles.
 * Answers the path of what runs the `outrigger` command.
 */
export async function buildRelease(folder: string): Promise<string> {
  const outdir = join(folder, 'dist')
  rmSync(outdir, { recursive: true, force: true })
  mkdirSync(outdir, { recursive: true })
  await build({
    absWorkingDir: ROOT,
    entryPoints: { main: 'cli/main.ts', 'guard-process': 'cli/up/guard-process.ts' },
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true, // each subcommand loads what it needs
    platform: 'node',
    format: 'esm',
    target: 'node26',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'linked',
    banner: { js: REQUIRE },
    plugins: [LEAN_HTTP],
    logLevel: 'warning',
  })
  if (folder !== ROOT) copyFileSync(join(ROOT, 'package.json'), join(folder, 'package.json'))
  return join(outdir, 'main.mjs')
}

if (import.meta.main) console.log(await buildRelease(ROOT))
