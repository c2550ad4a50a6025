import { Stack } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import { Dashboard, type DashboardProps } from './constructs/dashboard.ts'
import { PairingAlarms } from './constructs/pairing-alarms.ts'

/** Monitoring of the whole system: alarms on our own metrics, and the dashboard. */
export class MonitoringStack extends Stack {
  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id, { description: `Pairplane ${props.stage.name}: alarms on pairing, dashboard` })
    new PairingAlarms(this, 'Pairing', { stage: props.stage, alerts: props.data.alerts })
    new Dashboard(this, 'Dashboard', props)
  }
}
