import { RemovalPolicy } from 'aws-cdk-lib'
import type { IMetric } from 'aws-cdk-lib/aws-cloudwatch'
import { type JsonPattern, LogGroup, MetricFilter } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'
import { metricNamespace } from '#shared/telemetry/metric-names.ts'
import { fiveMinutes } from './alerts.ts'

/** Adds a log group that keeps its lines for a limited time and is deleted with the stack. */
export function logGroup(scope: Construct, id: string, retentionDays: number): LogGroup {
  return new LogGroup(scope, id, { retention: retentionDays, removalPolicy: RemovalPolicy.DESTROY })
}

export type CountedLines = {
  readonly logGroup: LogGroup
  /** Counts the lines that match; others count nothing, a line that is no JSON neither. */
  readonly pattern: JsonPattern
  readonly stageName: string
  readonly metricName: string
}

/** Counts lines of a log that are JSON; returns their number in five minutes. */
export function countLines(scope: Construct, id: string, lines: CountedLines): IMetric {
  const filter = new MetricFilter(scope, id, {
    logGroup: lines.logGroup,
    filterPattern: lines.pattern,
    metricNamespace: metricNamespace(lines.stageName),
    metricName: lines.metricName,
    metricValue: '1',
  })
  return filter.metric({ statistic: 'Sum', period: fiveMinutes })
}
