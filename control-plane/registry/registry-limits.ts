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
} as const
