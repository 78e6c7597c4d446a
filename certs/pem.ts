import { err, ok, type Result } from './result.ts'

/** Textual encoding of one DER value (RFC 7468 §3), with a final line break. */
export function toPem(label: PemLabel, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

export type PemLabel = 'CERTIFICATE' | 'CERTIFICATE REQUEST' | 'PRIVATE KEY'

/** A file of certificates is never longer. */
const MAX_PEM_CHARS = 1024 * 1024
const BASE64_LINE = /^[A-Za-z0-9+/]{1,76}={0,2}$/

/**
 * The DER values of every block with this label, in order; blocks with other labels and text between blocks are passed
 * over (RFC 7468 §2). An error if a block of this label is not valid base64 or does not end, or if there is none.
 */
export function fromPem(label: PemLabel, text: string): Result<readonly Buffer[], string> {
  if (text.length > MAX_PEM_CHARS) return err(`${text.length} characters of PEM are more than ${MAX_PEM_CHARS}`)
  const values: Buffer[] = []
  let block: string[] | undefined
  for (const raw of text.split('\n')) {
    const line = raw.trimEnd()
    if (block === undefined) {
      if (line === `-----BEGIN ${label}-----`) block = []
    } else if (line === `-----END ${label}-----`) {
      const der = decode(block.join(''))
      if (der === undefined) return err(`a ${label} block is not valid base64`)
      values.push(der)
      block = undefined
    } else if (BASE64_LINE.test(line)) {
      block.push(line)
    } else {
      return err(`a line of a ${label} block is not base64`)
    }
  }
  if (block !== undefined) return err(`a ${label} block has no end line`)
  return values.length === 0 ? err(`there is no ${label} block`) : ok(values)
}

/** Undefined unless `text` is the one base64 form of its octets. */
function decode(text: string): Buffer | undefined {
  const der = Buffer.from(text, 'base64')
  return der.length > 0 && der.toString('base64') === text ? der : undefined
}
