/*
 * Tables of what an octet may be, indexed by octet: shared by the readers of HTTP/1 and HTTP/2 heads.
 */

const TOKEN_PUNCTUATION = "!#$%&'*+-.^_`|~"

/** RFC 9110 §5.6.2 `tchar`: the octet in lower case where it may stand in a field name or method, else 0. */
export const TOKEN_LOWER: Uint8Array = new Uint8Array(256)
for (let octet = 0x30; octet <= 0x39; octet++) TOKEN_LOWER[octet] = octet
for (let octet = 0x61; octet <= 0x7a; octet++) {
  TOKEN_LOWER[octet] = octet
  TOKEN_LOWER[octet - 0x20] = octet
}
for (const mark of TOKEN_PUNCTUATION) TOKEN_LOWER[mark.charCodeAt(0)] = mark.charCodeAt(0)

/** RFC 9110 §5.5: 1 where the octet may stand inside a field value: HTAB, SP, visible, obs-text. No other controls. */
export const FIELD_VALUE: Uint8Array = new Uint8Array(256).fill(1, 0x20)
FIELD_VALUE[0x09] = 1
FIELD_VALUE[0x7f] = 0

/** 1 where the octet may stand in a request target: visible US-ASCII except `#`, `\`, `"`, `<`, `>` (RFC 3986, and wire rule of one reading). */
export const TARGET: Uint8Array = new Uint8Array(256).fill(1, 0x21, 0x7f)
for (const mark of '#\\"<>') TARGET[mark.charCodeAt(0)] = 0

/** Whether `text` is a token with at least one octet. */
export function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (!TOKEN_LOWER[text.charCodeAt(i)]) return false
  return text.length > 0
}

/** Whether `text` is a target that may be passed on: `TARGET` octets only, at least one. */
export function isTarget(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (!TARGET[text.charCodeAt(i)]) return false
  return text.length > 0
}

/** Whether `text` may be a field value: no control but HTAB, no character past one octet. */
export function isFieldValue(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (!FIELD_VALUE[text.charCodeAt(i)]) return false
  return true
}
