/**
 * One workload among all. A name alone means nothing: whoever calls itself by the name of another is another workload,
 * so that nobody can take a name away from anybody.
 */
export interface WorkloadRef {
  /** SPIFFE ID, proven by a certificate. */
  readonly identity: string
  /** `namespace/name`, as the workload says. */
  readonly name: string
  /** Both in one text: what maps are keyed by. */
  readonly key: string
}

/** Neither a SPIFFE ID nor a name holds a blank, so that two workloads never have one key. */
export const workloadRef = (identity: string, name: string): WorkloadRef => ({
  identity,
  name,
  key: `${identity} ${name}`,
})
