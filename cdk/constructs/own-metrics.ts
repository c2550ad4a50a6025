import { type IMetric, MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch'
import { codeDimension, metricNames, metricNamespace } from '#shared/telemetry/metric-names.ts'
import { fiveMinutes } from './alerts.ts'

/** The metrics that functions and hosts of a stage log about pairing. */
export type OwnMetrics = {
  readonly of: (name: keyof typeof metricNames, statistic: string) => IMetric
  /** Failures with one of our error codes. */
  readonly failed: (code: string) => IMetric
  /** A line per error code; for dashboards only, alarms cannot search. */
  readonly failures: () => IMetric
}

export function ownMetrics(stage: string): OwnMetrics {
  const namespace = metricNamespace(stage)
  const failed = metricNames.pairingFailed
  return {
    of: (name, statistic) => new Metric({ namespace, metricName: metricNames[name], statistic, period: fiveMinutes }),
    failed: (code) =>
      new Metric({
        namespace,
        metricName: failed,
        dimensionsMap: { [codeDimension]: code },
        statistic: 'Sum',
        period: fiveMinutes,
      }),
    failures: () =>
      new MathExpression({
        expression: `SEARCH('{"${namespace}",${codeDimension}} MetricName="${failed}"', 'Sum', ${fiveMinutes.toSeconds()})`,
        usingMetrics: {},
        label: '',
        period: fiveMinutes,
      }),
  }
}
