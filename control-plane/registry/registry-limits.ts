/**
 * What every registry holds its callers to, so that whatever fits one fits the other. The figures are Consul's
 * (1.8: `kv_max_value_size`, `txn_max_req_len`, operations of a transaction).
 */
export const REGISTRY_LIMITS = {
  /** One value written alone and without a lock. */
  valueBytes: 512 * 1024,
  /**
   * Keys and values of one `putAll`, or of one write under a lock: both are a Consul transaction, whose JSON body is at
   * most 512 KiB with the values in base64.
   */
  transactionBytes: 360 * 1024,
  /** Operations of one transaction; the check of a lock is one of them. */
  transactionCount: 64,
  /**
   * Services that can be watched. Consul: 64 of them wait for changes, the others are asked at a pace, each of 1,000
   * every 10 s. The embedded registry with 5,000 services and 10,000 instances: 0.6 s to start, 0.2 s from a change to
   * the world, 6 % of a core when idle, 22 MB.
   */
  watchedServiceCount: { consul: 1_000, embedded: 5_000 },
} as const
