/** Medians and percentiles, and their formats. */

/** Returns the percentile by nearest rank; a `share` of 0.5 gives the median. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

export const median = (values: readonly number[]): number => percentile(values, 0.5)

export const milliseconds = (value: number): string => `${Math.round(value)} ms`

/** Formats a value as a multiple of a base that was measured in the same run, such as `1.80 x`. */
export const ratio = (value: number, base: number): string => `${(value / base).toFixed(2)} x`

export const megabytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`
