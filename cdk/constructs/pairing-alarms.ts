import { Construct } from 'constructs'
import type { StageConfig } from '../stage.ts'
import type { Alerts } from './alerts.ts'
import { ownMetrics } from './own-metrics.ts'

export type PairingAlarmsProps = { readonly stage: StageConfig; readonly alerts: Alerts }

/** Alarms on our own metrics: pairings that fail for owners although every part of the infrastructure works. */
export class PairingAlarms extends Construct {
  constructor(scope: Construct, id: string, { stage, alerts }: PairingAlarmsProps) {
    super(scope, id)
    const metrics = ownMetrics(stage.name)
    const { codeDeadlineSeconds } = stage.pairing
    alerts.add(this, 'ClientOutdated', {
      summary: 'WhatsApp refuses our version of its protocol (405): nobody can link, and sessions will not come back',
      runbook: 'client-outdated',
      metric: metrics.failed('CLIENT_OUTDATED'),
      threshold: 1,
    })
    alerts.add(this, 'ClientRejected', {
      summary: 'WhatsApp rejects our requests for codes',
      runbook: 'client-rejected',
      metric: metrics.failed('CLIENT_REJECTED'),
      threshold: 1,
    })
    alerts.add(this, 'StoreUnavailable', {
      summary: 'Requests fail because DynamoDB does not answer',
      runbook: 'store-unavailable',
      metric: metrics.failed('STORE_UNAVAILABLE'),
      threshold: 3,
    })
    alerts.add(this, 'Internal', {
      summary: 'Requests or pairings fail with an unexpected error',
      runbook: 'internal-errors',
      // Lambda counts no error: functions answer unexpected errors with INTERNAL.
      metric: metrics.failed('INTERNAL'),
      threshold: 3,
    })
    alerts.add(this, 'HostUnavailable', {
      summary: 'Pairings fail because no host takes them',
      runbook: 'host-unavailable',
      metric: metrics.failed('HOST_UNAVAILABLE'),
      threshold: 3,
    })
    alerts.add(this, 'WhatsAppUnavailable', {
      summary: 'Pairings fail because WhatsApp does not answer',
      runbook: 'whatsapp-unavailable',
      metric: metrics.failed('WHATSAPP_UNAVAILABLE'),
      threshold: 5,
      periods: 2,
    })
    alerts.add(this, 'CodesSlow', {
      summary: `One code in ten takes longer than ${0.75 * codeDeadlineSeconds} of its ${codeDeadlineSeconds} seconds`,
      runbook: 'codes-slow',
      metric: metrics.of('timeToCode', 'p90'),
      threshold: 750 * codeDeadlineSeconds,
      periods: 3,
    })
    alerts.add(this, 'CleanupFailed', {
      summary: 'Retired credentials could not be swept',
      runbook: 'cleanup-failed',
      metric: metrics.of('cleanupFailed', 'Sum'),
      threshold: 1,
    })
    alerts.add(this, 'ShardsTakenByForce', {
      summary: 'A host stopped without handing over its shards',
      runbook: 'shards-taken-by-force',
      metric: metrics.of('leaseTakeovers', 'Sum'),
      threshold: 1,
    })
  }
}
