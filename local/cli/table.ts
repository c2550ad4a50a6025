/** Plain text tables. */

/** Rows of one shape as aligned columns, the keys as headings; "none" when there are no rows. */
export function table(rows: readonly Readonly<Record<string, unknown>>[]): string {
  const [first] = rows
  if (!first) return 'none'
  const headings = Object.keys(first)
  const cells = [headings, ...rows.map((row) => headings.map((heading) => cell(row[heading])))]
  const widths = headings.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)))
  return cells
    .map((line) =>
      line
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

const cell = (value: unknown): string => {
  if (value === undefined || value === null || value === '') return '-'
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
