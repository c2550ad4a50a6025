import { type IMetric, MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch'
import { codeDimension, metricNames, metricNamespace } from '#shared/telemetry/metric-names.ts'
import { fiveMinutes } from './alerts.ts'

/** Metrics that the functions and hosts of a stage log about pairing. */
export type OwnMetrics = {
  readonly of: (name: keyof typeof metricNames, statistic: string) => IMetric
  /** Number of failures with the error code. */
  readonly failed: (code: string) => IMetric
  /** Failures by error code, one line each. For dashboards only: alarms cannot use SEARCH. */
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
