/** Medians and percentiles, and their formats. */

/** Returns the percentile by nearest rank. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

/** Returns the mean of the two in the middle if their number is even: of two rounds, the smaller one is no median. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.slice(Math.ceil(sorted.length / 2) - 1, Math.floor(sorted.length / 2) + 1)
  return middle.reduce((sum, value) => sum + value, 0) / middle.length
}

export const milliseconds = (value: number): string => `${Math.round(value)} ms`

/** Formats a value as a multiple of a base that was measured in the same run, such as `1.80 x`. */
export const ratio = (value: number, base: number): string => `${(value / base).toFixed(2)} x`

export const megabytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`
