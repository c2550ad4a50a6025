import { Construct } from 'constructs'
import type { StageConfig } from '../stage.ts'
import type { Alerts } from './alerts.ts'
import { ownMetrics } from './own-metrics.ts'

export type PairingAlarmsProps = { readonly stage: StageConfig; readonly alerts: Alerts }

/** Alarms on requests and pairings that fail with one error code. */
const failureAlarms = [
  {
    id: 'ClientOutdated',
    code: 'CLIENT_OUTDATED',
    summary:
      'WhatsApp refuses our version of its protocol (405): nobody can link, and sessions stop but keep their links',
    runbook: 'client-outdated',
    threshold: 1,
  },
  {
    id: 'ClientRejected',
    code: 'CLIENT_REJECTED',
    summary: 'WhatsApp rejects our requests for codes',
    runbook: 'client-rejected',
    threshold: 1,
  },
  {
    id: 'SessionReplaced',
    code: 'SESSION_REPLACED',
    summary:
      'Sessions stopped because another connection keeps taking them away: somebody uses a copy of their credentials',
    runbook: 'session-replaced',
    threshold: 1,
  },
  {
    id: 'StoreUnavailable',
    code: 'STORE_UNAVAILABLE',
    summary: 'Requests fail because DynamoDB does not answer',
    runbook: 'store-unavailable',
    threshold: 3,
  },
  {
    id: 'Internal',
    // Lambda counts no error: functions answer unexpected errors with INTERNAL.
    code: 'INTERNAL',
    summary: 'Requests or pairings fail with an unexpected error, or credentials cannot be read',
    runbook: 'internal-errors',
    threshold: 3,
  },
  {
    id: 'HostUnavailable',
    code: 'HOST_UNAVAILABLE',
    summary: 'Pairings fail because no host takes them',
    runbook: 'host-unavailable',
    threshold: 3,
  },
  {
    id: 'WhatsAppUnavailable',
    code: 'WHATSAPP_UNAVAILABLE',
    summary: 'Pairings fail because WhatsApp does not answer',
    runbook: 'whatsapp-unavailable',
    threshold: 5,
    periods: 2,
  },
] as const

/** Alarms that ring as soon as a counter of hosts counts anything. */
const counterAlarms = [
  {
    id: 'FuseOpen',
    counter: 'fuseRefused',
    summary: 'WhatsApp ends more links than the fuse lets through: the sessions stop but keep their links',
    runbook: 'fuse-open',
  },
  {
    id: 'CredentialsUnreadable',
    counter: 'credentialsUnreadable',
    summary: 'Hosts cannot read stored credentials: these sessions stop and keep their links',
    runbook: 'credentials-unreadable',
  },
  {
    id: 'CleanupFailed',
    counter: 'cleanupFailed',
    summary: 'Retired credentials could not be swept',
    runbook: 'cleanup-failed',
  },
  {
    id: 'ShardsTakenByForce',
    counter: 'leaseTakeovers',
    summary: 'A host stopped without handing over its shards',
    runbook: 'shards-taken-by-force',
  },
] as const

/** Alarms on our own metrics: pairings that fail for owners although every part of the infrastructure works. */
export class PairingAlarms extends Construct {
  constructor(scope: Construct, id: string, { stage, alerts }: PairingAlarmsProps) {
    super(scope, id)
    const metrics = ownMetrics(stage.name)
    const { codeDeadlineSeconds } = stage.pairing
    for (const { id: alarmId, code, ...alarm } of failureAlarms) {
      alerts.add(this, alarmId, { ...alarm, metric: metrics.failed(code) })
    }
    alerts.add(this, 'CodesSlow', {
      summary: `One code in ten takes longer than ${0.75 * codeDeadlineSeconds} of its ${codeDeadlineSeconds} seconds`,
      runbook: 'codes-slow',
      metric: metrics.of('timeToCode', 'p90'),
      threshold: 750 * codeDeadlineSeconds,
      periods: 3,
    })
    for (const { id: alarmId, counter, ...alarm } of counterAlarms)
      alerts.add(this, alarmId, { ...alarm, metric: metrics.of(counter, 'Sum'), threshold: 1 })
  }
}
