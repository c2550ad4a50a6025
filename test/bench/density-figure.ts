/** Figure of CPU and memory over the number of sessions on a host, as SVG. */

/** Figures of a host with so many sessions. CPU is in % of a core, memory in MiB. */
export type DensityPoint = {
  readonly sessions: number
  readonly cpu: { readonly idle: number; readonly mean: number; readonly peak: number }
  /** Resident memory: without traffic and after its garbage was collected, and the maximum in the peak hour. */
  readonly memory: { readonly idle: number; readonly peak: number }
}

/** A figure's contents: its points by number of sessions, and the day and command that made it. */
export type Density = { readonly points: readonly DensityPoint[]; readonly date: string; readonly command: string }

type Line = { readonly name: string; readonly style: 'a' | 'b' | 'c'; readonly values: readonly number[] }
type Panel = {
  readonly title: string
  readonly unit: string
  readonly left: number
  readonly lines: readonly Line[]
  readonly sessions: readonly number[]
}

const size = { width: 820, height: 410 } as const
/** Area of a panel's lines, without its labels. */
const area = { width: 320, top: 110, height: 210 } as const
const bottom = area.top + area.height
const maxTicks = 6

// Each line has a dash pattern of its own too, for those who do not see its colour.
const style = `
text{font:12px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600;font-size:14px}.small{font-size:11px;fill:#59636e}
.axis{stroke:#818b98;fill:none}.grid{stroke:#d1d9e0;fill:none}.line{fill:none;stroke-width:2}
.a{stroke:#0969da}.b{stroke:#1a7f37}.c{stroke:#bc4c00}.line.b{stroke-dasharray:6 3}.line.c{stroke-dasharray:2 3}
circle{stroke-width:2;fill:#fff}
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.small{fill:#9198a1}.grid{stroke:#3d444d}
.a{stroke:#58a6ff}.b{stroke:#3fb950}.c{stroke:#f0883e}circle{fill:#0d1117}}`

/** Returns the figure as an SVG document that needs no font and no file. Its text stays text. */
export function densityFigure({ points, date, command }: Density): string {
  const sorted = points.toSorted((a, b) => a.sessions - b.sessions)
  const sessions = sorted.map((point) => point.sessions)
  const cpu: Panel = {
    ...{ title: 'Processor time', unit: '% of a core', left: 70, sessions },
    lines: [
      { name: 'no traffic', style: 'a', values: sorted.map((point) => point.cpu.idle) },
      { name: 'mean hour', style: 'b', values: sorted.map((point) => point.cpu.mean) },
      { name: 'peak hour', style: 'c', values: sorted.map((point) => point.cpu.peak) },
    ],
  }
  const memory: Panel = {
    ...{ title: 'Resident memory', unit: 'MiB', left: 480, sessions },
    lines: [
      { name: 'no traffic, garbage collected', style: 'a', values: sorted.map((point) => point.memory.idle) },
      { name: 'peak hour, maximum', style: 'c', values: sorted.map((point) => point.memory.peak) },
    ],
  }
  // Two lines: with the command in one, wide fonts run over both edges.
  const captions = [`Measured on ${date}; one host process, simulated WhatsApp`, command]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" role="img">`,
    '<title>Processor time and memory of a host by its number of sessions</title>',
    `<style>${style}</style>`,
    panelOf(cpu),
    panelOf(memory),
    ...captions.map((line, index) =>
      text(size.width / 2, size.height - 30 + index * 16, line, 'class="small" text-anchor="middle"'),
    ),
    '</svg>\n',
  ].join('\n')
}

function panelOf({ title, unit, left, lines, sessions }: Panel): string {
  const xAxis = ticks(Math.max(0, ...sessions))
  const yAxis = ticks(Math.max(0, ...lines.flatMap(({ values }) => values)))
  const x = scale(xAxis, left, left + area.width)
  const y = scale(yAxis, bottom, area.top)
  const right = left + area.width
  return [
    text(left, 24, title, 'class="title"'),
    ...lines.map((line, index) => legendOf(line, left, 44 + index * 18)),
    ...yAxis.map((value) => `<path class="grid" d="M${left} ${y(value)}H${right}"/>`),
    ...yAxis.map((value) => text(left - 8, y(value) + 4, String(value), 'text-anchor="end"')),
    `<path class="axis" d="M${left} ${area.top}V${bottom}H${right}"/>`,
    ...xAxis.map((value) => text(x(value), bottom + 18, String(value), 'text-anchor="middle"')),
    text(left + area.width / 2, bottom + 38, 'sessions on the host', 'text-anchor="middle"'),
    text(
      0,
      0,
      unit,
      `text-anchor="middle" transform="translate(${left - 48} ${area.top + area.height / 2})rotate(-90)"`,
    ),
    ...lines.map((line) => lineOf(line, sessions, x, y, unit)),
  ].join('\n')
}

function legendOf({ name, style: kind }: Line, left: number, at: number): string {
  const mark = `<path class="line ${kind}" d="M${left} ${at}h28"/><circle class="${kind}" cx="${left + 14}" cy="${at}" r="3"/>`
  return mark + text(left + 36, at + 4, name)
}

function lineOf(
  { name, style: kind, values }: Line,
  sessions: readonly number[],
  x: (value: number) => number,
  y: (value: number) => number,
  unit: string,
): string {
  const at = values.map((value, index) => ({ value, count: sessions[index] ?? 0 }))
  const places = at.map(({ value, count }) => `${x(count)},${y(value)}`).join(' ')
  const marks = at.map(
    ({ value, count }) =>
      `<circle class="${kind}" cx="${x(count)}" cy="${y(value)}" r="3"><title>${name}, ${count} sessions: ` +
      `${rounded(value)} ${unit}</title></circle>`,
  )
  return `<polyline class="line ${kind}" points="${places}"/>${marks.join('')}`
}

/** Returns round numbers from 0 to at least `max`, at most six of them. */
export function ticks(max: number): readonly number[] {
  if (max <= 0) return [0, 1]
  const least = max / (maxTicks - 1)
  const magnitude = 10 ** Math.floor(Math.log10(least))
  const step = ([1, 2, 5, 10].find((factor) => factor * magnitude >= least * (1 - 1e-9)) ?? 10) * magnitude
  const count = Math.ceil(max / step - 1e-9)
  return Array.from({ length: count + 1 }, (_, index) => rounded(index * step))
}

/** Maps the range of an axis to places in the figure. */
function scale(axis: readonly number[], from: number, to: number): (value: number) => number {
  const max = axis.at(-1) ?? 1
  return (value) => rounded(from + (value / max) * (to - from))
}

const rounded = (value: number): number => Math.round(value * 10) / 10

const text = (x: number, y: number, content: string, attributes = ''): string =>
  `<text x="${x}" y="${y}"${attributes && ` ${attributes}`}>${escaped(content)}</text>`

const escaped = (content: string): string =>
  content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
