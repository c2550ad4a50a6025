/**
 * Guards the number of shards of a deployed stage. The number decides which queue and which lease a company has, so an
 * ordinary deploy must not change it.
 */
import type { Stack } from 'aws-cdk-lib'
import { StringParameter } from 'aws-cdk-lib/aws-ssm'
import { ContextProvider } from 'aws-cdk-lib/cloud-assembly-schema'
import type { Construct } from 'constructs'
import type { StageConfig } from './stage.ts'

/** Account and region of the credentials that the CDK's command line has found, if any. */
export type Deployer = { readonly account: string | undefined; readonly region: string | undefined }

/** Name of the SSM parameter that holds the number of shards of a deployed stage. */
const parameterName = (stage: string) => `/pairplane/${stage}/shards`

/** Records the number of shards in a parameter, for later deploys to compare. */
export function recordShards(scope: Construct, { name, shards }: StageConfig): void {
  new StringParameter(scope, 'Shards', {
    parameterName: parameterName(name),
    stringValue: String(shards),
    description: 'Pairplane: number of shards that this stage runs with',
  })
}

/**
 * Throws when the stage is deployed with another number of shards and the change is not confirmed (`-c
 * confirmShards=…`).
 */
export function refuseOtherShards(
  stack: Stack,
  { name, shards, retainData }: StageConfig,
  deployer: Deployer,
  now = Date.now(),
): void {
  if (!retainData) return
  const live = lookUp(stack, parameterName(name), deployer, now)
  if (live === undefined || live === String(shards)) return
  if (String(stack.node.tryGetContext('confirmShards')) === String(shards)) return
  throw new Error(
    `Stage ${name} is live with ${live} shards, and this would give it ${shards}: companies would change queues and leases ` +
      'while hosts still serve the old ones. Follow "Change the number of shards" in docs/operations.md, ' +
      `then deploy with -c confirmShards=${shards}. (The number is looked up every ten minutes: npx cdk context --clear asks at once)`,
  )
}

/**
 * Returns the value of a parameter, which the CDK's command line looks up between two rounds of synthesis. The CDK's own
 * lookups cannot be used: they need the account and the region in the code. Undefined without credentials, and before the
 * first deploy.
 */
function lookUp(stack: Stack, parameter: string, { account, region }: Deployer, now: number): string | undefined {
  if (!account || !region) return undefined
  const key = `pairplane:ssm:${account}:${region}:${parameter}:${tenMinutes(now)}`
  const value: unknown = stack.node.tryGetContext(key)
  if (value === undefined) {
    const props = { account, region, parameterName: parameter, ...lookupRole(stack, account, region) }
    stack.reportMissingContextKey({ key, provider: ContextProvider.SSM_PARAMETER_PROVIDER, props })
  }
  // An object is an error instead of a value: most likely the stage has not been deployed yet.
  return typeof value === 'string' ? value : undefined
}

/**
 * Returns the time rounded down to ten minutes, as `2026-11-22T10:0`. The command line keeps a found value for good
 * (cdk.context.json) although another machine may deploy meanwhile, so the key changes every ten minutes. If it changes
 * between two rounds of synthesis, there is a third round.
 */
const tenMinutes = (now: number) => new Date(now).toISOString().slice(0, 15)

/** Returns the look-up role that bootstrapping created, so that a deployer needs no permission to read parameters. */
function lookupRole({ synthesizer }: Stack, account: string, region: string) {
  const arn = synthesizer.lookupRole?.replace(/\$\{AWS::AccountId\}/g, account).replace(/\$\{AWS::Region\}/g, region)
  return arn === undefined ? {} : { lookupRoleArn: arn }
}
