/** Entry of the CDK app: `npx cdk deploy --all -c stage=dev`, and `node cdk/app.ts` for the local run. */
import { join } from 'node:path'
import { App } from 'aws-cdk-lib'
import packageJson from '../package.json' with { type: 'json' }
import { bundleAll } from './bundle.ts'
import { context } from './context.ts'
import { refuseOtherShards } from './live-shards.ts'
import { addChecks } from './nag.ts'
import { addStacks } from './stacks.ts'
import { readStage } from './stage.ts'

// The CDK's command line names the output folder; a local run names one of its own.
const outdir = process.env['CDK_OUTDIR'] ?? 'cdk.out'
const app = new App({ outdir, context, analyticsReporting: false })

const stage = readStage((key) => app.node.tryGetContext(key))
const bundles = join(outdir, 'bundles')
await bundleAll(bundles)
const buildVersion = String(app.node.tryGetContext('buildVersion') ?? packageJson.version)
const { data } = addStacks(app, { stage, bundles, buildVersion })
refuseOtherShards(data, stage, {
  account: process.env['CDK_DEFAULT_ACCOUNT'],
  region: process.env['CDK_DEFAULT_REGION'],
})
addChecks(app)
app.synth()
