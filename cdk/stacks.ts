import { type App, Tags } from 'aws-cdk-lib'
import { socketHostFolder } from './bundle.ts'
import { ControlPlaneStack } from './control-plane-stack.ts'
import { DataStack } from './data-stack.ts'
import { MonitoringStack } from './monitoring-stack.ts'
import { SocketHostStack } from './socket-host-stack.ts'
import type { StageConfig } from './stage.ts'

export type StacksProps = {
  readonly stage: StageConfig
  /** Folder of all bundles. */
  readonly bundles: string
  readonly buildVersion: string
}

/** Adds the stacks of a stage to an app. They name no account and no region: both come from the deployer's credentials. */
export function addStacks(app: App, { stage, bundles, buildVersion }: StacksProps) {
  const name = (part: string) => `pairplane-${stage.name}-${part}`
  const data = new DataStack(app, name('data'), { stage })
  const controlPlane = new ControlPlaneStack(app, name('control-plane'), {
    stage,
    data,
    bundles,
    buildVersion,
  })
  const socketHost = new SocketHostStack(app, name('socket-host'), {
    stage,
    data,
    webSocketStage: controlPlane.webSocket.stage,
    image: socketHostFolder(bundles),
    buildVersion,
  })
  const monitoring = new MonitoringStack(app, name('monitoring'), {
    stage,
    data,
    webSocketStage: controlPlane.webSocket.stage,
    httpStage: controlPlane.http.stage,
    service: socketHost.service,
  })
  const stacks = { data, controlPlane, socketHost, monitoring }
  // Every stack is protected: `cdk destroy` removes stacks one after another, and a protected one would stop it too late.
  for (const stack of Object.values(stacks)) stack.terminationProtection = stage.retainData
  Tags.of(app).add('app', 'pairplane')
  Tags.of(app).add('stage', stage.name)
  return stacks
}
