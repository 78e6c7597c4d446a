import type { Workload } from '../world/world.ts'

/** Whether a selector means the workload: every label that it names is there with that value. No labels mean all. */
export const selects = (
  selector: { readonly matchLabels?: Readonly<Record<string, string>> } | undefined,
  workload: Pick<Workload, 'labels'>,
): boolean =>
  Object.entries(selector?.matchLabels ?? {}).every(
    ([name, value]) => Object.hasOwn(workload.labels, name) && workload.labels[name] === value,
  )
