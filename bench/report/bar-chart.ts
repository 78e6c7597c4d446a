/** One bar. */
export interface Bar {
  readonly label: string
  readonly value: number
  /** As it stands beside the bar. */
  readonly text: string
  /** Ours, in another colour. */
  readonly isOurs: boolean
}

const WIDTH = 760
const LABEL_WIDTH = 220
const TEXT_WIDTH = 90
const TOP = 56
const ROW = 28
const BAR = 18
const MARGIN = 12
/** The length of the longest bar. */
export const LONGEST_BAR = WIDTH - LABEL_WIDTH - TEXT_WIDTH - 2 * MARGIN

/** A background of its own, so that it is readable on any page; dark where the reader's screen is. */
const STYLE = `
  .page { fill: #ffffff } .text { fill: #1f2328 } .note { fill: #59636e } .bar { fill: #8c959f } .ours { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } .text { fill: #e6edf3 } .note { fill: #9198a1 } .bar { fill: #6e7681 } .ours { fill: #4493f8 }
  }
  text { font: 13px system-ui, sans-serif } .title { font-size: 16px; font-weight: 600 }`

/** A chart of horizontal bars from zero, as SVG without scripts, fonts or links. */
export function barChart(title: string, note: string, bars: readonly Bar[]): string {
  const height = TOP + bars.length * ROW + MARGIN
  const most = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE)
  const rows = bars.map(({ label, value, text, isOurs }, at) => {
    const y = TOP + at * ROW
    const length = Math.max(1, Math.round((Math.max(0, value) / most) * LONGEST_BAR))
    const middle = y + BAR / 2 + 5
    const end = LABEL_WIDTH + MARGIN
    return `  <text class="text" x="${LABEL_WIDTH}" y="${middle}" text-anchor="end">${escapeXml(label)}</text>
  <rect class="${isOurs ? 'ours' : 'bar'}" x="${end}" y="${y}" width="${length}" height="${BAR}" rx="2"/>
  <text class="text" x="${end + length + 6}" y="${middle}">${escapeXml(text)}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">
  <title>${escapeXml(title)}</title>
  <desc>${escapeXml(bars.map(({ label, text }) => `${label}: ${text}`).join('; '))}</desc>
  <style>${STYLE}
  </style>
  <rect class="page" width="${WIDTH}" height="${height}" rx="6"/>
  <text class="text title" x="${MARGIN}" y="24">${escapeXml(title)}</text>
  <text class="note" x="${MARGIN}" y="43">${escapeXml(note)}</text>
${rows.join('\n')}
</svg>
`
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escapeXml = (text: string): string => text.replace(/[&<>"]/g, (letter) => ESCAPES[letter] ?? letter)
