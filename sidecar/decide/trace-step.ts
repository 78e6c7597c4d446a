/**
 * The closed union of what a decision can say about itself. Every candidate that was considered is named, and why it
 * was not taken. Rendered by `cli/explain`, hung on sampled spans as events, compared by tests.
 */
export type TraceStep =
  | { readonly step: 'service-found'; readonly service: string; readonly by: 'listener' | 'host' }
  | { readonly step: 'service-missing'; readonly host: string; readonly known: readonly string[] }
  | { readonly step: 'route-rejected'; readonly route: string; readonly rule: number; readonly because: string }
  | { readonly step: 'route-matched'; readonly route: string; readonly rule: number; readonly match: string }
  | {
      readonly step: 'backend-chosen'
      readonly service: string
      readonly port: number
      readonly weight: number
      readonly ofTotal: number
    }
  | { readonly step: 'backend-invalid'; readonly service: string; readonly because: string }
  | { readonly step: 'endpoint-rejected'; readonly endpoint: string; readonly because: string }
  | { readonly step: 'endpoint-considered'; readonly endpoint: string; readonly address: string; readonly cost: number }
  | { readonly step: 'endpoint-picked'; readonly endpoint: string; readonly address: string; readonly balancer: string }
  | { readonly step: 'panic'; readonly service: string; readonly ejected: number; readonly of: number }
  | { readonly step: 'limit-reached'; readonly service: string; readonly limit: string; readonly value: number }
  | { readonly step: 'policy-skipped'; readonly policy: string; readonly rule: number; readonly because: string }
  | {
      readonly step: 'policy-matched'
      readonly policy: string
      readonly rule: number
      readonly action: 'ALLOW' | 'DENY' | 'AUDIT'
    }
  | { readonly step: 'authorization'; readonly verdict: 'allowed' | 'denied'; readonly because: string }
  | {
      readonly step: 'retry-plan'
      readonly attempts: number
      readonly on: readonly string[]
      readonly isIdempotent: boolean
      readonly because: string
    }
  | { readonly step: 'retry-decided'; readonly attempt: number; readonly because: string }
  | { readonly step: 'retry-refused'; readonly because: string }
  | {
      readonly step: 'timeouts'
      /** Each as in AttemptPlan: ms, 0 for none. */
      readonly requestMs: number
      readonly responseMs: number
      readonly perTryMs: number
    }

/** Hears each step. `isOn` lets `decide` skip the work of describing when nobody listens. */
export interface Recorder {
  readonly isOn: boolean
  record(step: TraceStep): void
}

/** Serving: hears nothing, costs nothing. */
export const SILENT: Recorder = { isOn: false, record: () => undefined }

/** Keeps the steps: for explain, tests, sampled requests and errors. */
export class StepRecorder implements Recorder {
  readonly isOn = true
  readonly steps: TraceStep[] = []
  record(step: TraceStep): void {
    this.steps.push(step)
  }
}
