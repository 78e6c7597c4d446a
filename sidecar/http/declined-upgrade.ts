import { withAddedField, withoutField } from './fields.ts'
import type { RequestHead, ResponseHead } from './head.ts'
import { UPGRADE_DECLINED } from './header-rules.ts'
import type { Wire } from './streams.ts'

/**
 * A success that is not the switch which the request asked for: HTTP/1.1 allows it (RFC 9110 §7.8). In HTTP/2 any 2xx to
 * an Extended CONNECT is the switch (RFC 8441 §5), so that such an answer must not reach its caller as it is.
 */
export const declinesUpgrade = (request: RequestHead, { status }: ResponseHead): boolean =>
  request.upgrade !== undefined && status >= 200 && status < 300

/** The answer for the caller's sidecar: with a field that says it is no switch. */
export const declinedOnLink = (head: ResponseHead): ResponseHead => ({
  ...head,
  fields: withAddedField(head.fields, UPGRADE_DECLINED, 'declined'),
})

/** The answer for a caller itself. Over HTTP/2 it would be the switch: the application does not do what was asked for. */
export const declinedToCaller = (head: ResponseHead, protocol: Wire): ResponseHead => ({
  ...head,
  status: protocol === 'h2' ? 501 : head.status,
  fields: withoutField(head.fields, UPGRADE_DECLINED),
})
