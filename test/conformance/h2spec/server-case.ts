import type { Step } from './expectations.ts'

/** h2spec's section; the RFC's; what is sent; the script. `bare`: the script begins before the preface. */
export interface Case {
  readonly section: string
  readonly rfc: string
  readonly sent: string
  readonly steps: readonly Step[]
  readonly isBare?: boolean
}

/** Rows of one section. */
export const section = (name: string, rows: readonly (readonly [string, string, ...Step[]])[]): readonly Case[] =>
  rows.map(([rfc, sent, ...steps]) => ({ section: name, rfc, sent, steps }))
