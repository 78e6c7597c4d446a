import type { Pair, Stage } from './contestant.ts'
import { accepting, type Command, end, freePorts, processTree, startPinned } from './processes.ts'

interface Ports {
  readonly front: number
  readonly mesh: number
}

/** Starts the two proxies of a contestant on the proxies' core, and waits until both accept connections. */
export async function startPair(
  stage: Stage,
  commands: (ports: Ports) => { readonly front: Command; readonly back: Command },
): Promise<Pair> {
  const [front = 0, mesh = 0] = await freePorts(2)
  return startCommands(stage, { front, mesh }, commands({ front, mesh }))
}

/** The same where the commands are made already. */
export async function startCommands(
  stage: Stage,
  ports: Ports,
  { front, back }: { readonly front: Command; readonly back: Command },
): Promise<Pair> {
  const children = [startPinned(stage.core, front), startPinned(stage.core, back)]
  const stop = async (): Promise<void> => void (await Promise.all(children.map(end)))
  try {
    await Promise.all([accepting(ports.front), accepting(ports.mesh)])
  } catch (error) {
    await stop()
    throw error
  }
  return {
    frontPort: ports.front,
    meshPort: ports.mesh,
    processes: () => children.map((child) => processTree(child.pid ?? 0)),
    stop,
  }
}
