/** CloudWatch's embedded metric format: log lines that CloudWatch turns into metrics, without an API call. */
import type { ErrorCode } from '../domain/values/errors.ts'
import { codeDimension, metricNames } from './metric-names.ts'
import { redactValue } from './redact.ts'

export type Measurement = {
  readonly name: keyof typeof metricNames
  readonly value: number
  /** Value of the dimension `code`; only `pairingFailed` has one. */
  readonly code?: ErrorCode
}

const inMilliseconds: readonly Measurement['name'][] = ['timeToCode', 'timeToLink', 'cleanupTime']

/** Returns a line for measurements without a code and one per code. Fields of `about` can be searched in the log. */
export function emfLines(
  namespace: string,
  measurements: readonly Measurement[],
  about: Readonly<Record<string, unknown>>,
  now: number,
): readonly string[] {
  const groups = Map.groupBy(measurements, ({ code }) => code)
  return [...groups].map(([code, group]) => {
    const metrics = [...Map.groupBy(group, ({ name }) => name)]
    const directive = {
      Namespace: namespace,
      Dimensions: [code === undefined ? [] : [codeDimension]],
      Metrics: metrics.map(([name]) => ({ Name: metricNames[name], Unit: unitOf(name) })),
    }
    const values = metrics.map(([name, same]) => [metricNames[name], listed(same)] as const)
    return JSON.stringify({
      ...Object(redactValue(about)),
      ...(code !== undefined && { [codeDimension]: code }),
      ...Object.fromEntries(values),
      _aws: { Timestamp: now, CloudWatchMetrics: [directive] },
    })
  })
}

const unitOf = (name: Measurement['name']) => (inMilliseconds.includes(name) ? 'Milliseconds' : 'Count')

/** Value of one metric in a line; several values are a list. */
function listed(measurements: readonly Measurement[]): number | readonly number[] {
  const values = measurements.map(({ value }) => value)
  return values.length === 1 && values[0] !== undefined ? values[0] : values
}
