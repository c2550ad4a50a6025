/** Judges measured figures against what the requirements promise. */

/** Returns ` (promised: under 0.65)` or the same with `missed`. A figure that misses sets the exit code to 1. */
export function under(value: number, limit: number, unit = ''): string {
  const isKept = value < limit
  if (!isKept) process.exitCode = 1
  return `(promised: under ${limit}${unit}${isKept ? '' : '; missed'})`
}

/** Like `under`, for a figure that may reach its limit. */
export function atMost(value: number, limit: number, unit = ''): string {
  const isKept = value <= limit
  if (!isKept) process.exitCode = 1
  return `(promised: at most ${limit}${unit}${isKept ? '' : '; missed'})`
}
