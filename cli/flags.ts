import { InvalidArgumentError, Option } from 'commander'
import { type Address, parseAddress } from '../sidecar/config/bootstrap.ts'
import { parseDurationMs } from '../sidecar/core/duration.ts'

/** An option that can also be set by environment: `--join-token-file` by `OUTRIGGER_JOIN_TOKEN_FILE`. */
export function flag(flags: string, description: string): Option {
  const option = new Option(flags, description)
  const name = /--([a-z-]+)/.exec(flags)?.[1] ?? ''
  return option.env(`OUTRIGGER_${name.replace(/^no-/, '').toUpperCase().replaceAll('-', '_')}`)
}

/** Reads `HOST:PORT`. */
export function addressArgument(text: string): Address {
  const parsed = parseAddress(text)
  if (!parsed.ok) throw new InvalidArgumentError(parsed.error)
  return parsed.value
}

/** Reads `HOST:PORT,HOST:PORT` or the flag repeated. */
export const addressesArgument = (text: string, previous: readonly Address[] | undefined): Address[] => [
  ...(previous ?? []),
  ...text.split(',').map((part) => addressArgument(part.trim())),
]

/** Reads a duration such as `24h`, `1m30s` or `250ms` into milliseconds. */
export function durationArgument(text: string): number {
  const parsed = parseDurationMs(text)
  if (!parsed.ok) throw new InvalidArgumentError(parsed.error)
  return parsed.value
}

/** Gathers a flag that may be repeated, or hold several values separated by commas. */
export const listArgument = (text: string, previous: readonly string[] | undefined): string[] => [
  ...(previous ?? []),
  ...text.split(',').map((part) => part.trim()),
]
