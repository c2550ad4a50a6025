/** Medians and percentiles, and how they are printed. */

/** The value below which a share of the values lies (nearest rank). */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

export const median = (values: readonly number[]): number => percentile(values, 0.5)

export const milliseconds = (value: number): string => `${Math.round(value)} ms`

/** `1.8` times as much, over a base measured in the same run. */
export const ratio = (value: number, base: number): string => `${(value / base).toFixed(2)} x`

export const megabytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`
