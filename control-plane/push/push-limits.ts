/**
 * What sidecars can make grow in a control plane. An identity is shared by all replicas of a workload; a compromised one
 * of them must not take the memory that the others' control plane lives on.
 */
export const PUSH_LIMITS = {
  /** Streams of all sidecars, those that have not said hello yet included. */
  sessionCount: 10_000,
  /** Streams of one identity: its replicas, and those of them that come back before their old stream is over. */
  sessionsPerIdentityCount: 1_000,
  /** Instances of one identity that are registered, or wait to be taken out of a registry that is away. */
  instancesPerIdentityCount: 4_096,
  /** Resources that one sidecar may ask for. */
  subscriptionsPerSessionCount: 4_096,
  /** What the subscriptions of one sidecar may cost: `subscriptionOverheadBytes` and the name, each. */
  subscriptionsPerSessionBytes: 2 * 1024 * 1024,
  /** The same for all sidecars of one identity. */
  subscriptionsPerIdentityBytes: 64 * 1024 * 1024,
  /** The same for all sidecars. */
  subscriptionsBytes: 512 * 1024 * 1024,
  /** What a subscription costs beside its name, about: entries in maps of the session and of acknowledgements. */
  subscriptionOverheadBytes: 256,
  /** One line of a sidecar; a hello with its registrations is the longest. */
  requestLineBytes: 64 * 1024,
} as const
