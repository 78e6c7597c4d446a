import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ControlPlane } from '../../../control-plane/control-plane.ts'
import { controlPlane, temporaryFolder } from '../../integration/control-plane/fixture.ts'
import { type CliRun, runCli } from '../../support/run-cli.ts'

/** What is given to a run besides its arguments. */
interface RunSurroundings {
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Where the person works: apart from what the control plane writes. */
const WORK = 'work'

/** A control plane, and a folder with manifests from which `outrigger` is run against it. */
export class CliMesh implements AsyncDisposable {
  readonly plane: ControlPlane
  readonly #folder: Awaited<ReturnType<typeof temporaryFolder>>

  private constructor(plane: ControlPlane, folder: Awaited<ReturnType<typeof temporaryFolder>>) {
    this.plane = plane
    this.#folder = folder
  }

  /** Starts it; `files` are written into the folder, by name. */
  static async start(files: Readonly<Record<string, string>> = {}): Promise<CliMesh> {
    const folder = await temporaryFolder()
    const mesh = new CliMesh(await controlPlane(folder.path), folder)
    await mkdir(join(folder.path, WORK))
    for (const [name, text] of Object.entries(files)) await mesh.write(name, text)
    return mesh
  }

  get api(): string {
    return `http://127.0.0.1:${this.plane.ports.api}`
  }

  async write(name: string, text: string): Promise<void> {
    const path = join(this.#folder.path, WORK, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text)
  }

  /** Runs `outrigger` in the folder, with the control plane named by the environment. */
  run(args: readonly string[], { input, env }: RunSurroundings = {}): Promise<CliRun> {
    return runCli(args, {
      cwd: join(this.#folder.path, WORK),
      env: { OUTRIGGER_API: this.api, ...env },
      ...(input === undefined ? {} : { input }),
    })
  }

  /** The lines of a run that must be good. */
  async lines(...args: readonly string[]): Promise<readonly string[]> {
    return linesOf(await this.run(args))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.plane[Symbol.asyncDispose]()
    await this.#folder[Symbol.asyncDispose]()
  }
}

/** What a run printed, line by line; throws what it complained of. */
export function linesOf({ code, stdout, stderr }: CliRun): readonly string[] {
  if (code !== 0 || stderr !== '') throw new Error(`ended with ${code}: ${stderr}`)
  return stdout.trimEnd().split('\n')
}
