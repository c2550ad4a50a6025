/** Plain text tables. */

/** Formats rows as aligned columns, one for each key that any row has; "none" when there are no rows. */
export function table(rows: readonly Readonly<Record<string, unknown>>[]): string {
  if (rows.length === 0) return 'none'
  const headings = [...new Set(rows.flatMap((row) => Object.keys(row)))]
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
