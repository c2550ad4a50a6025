/** Keeps a live stage's number of shards: it decides which queue and which lease a company has, so it cannot change in passing. */
import type { Stack } from 'aws-cdk-lib'
import { StringParameter } from 'aws-cdk-lib/aws-ssm'
import { ContextProvider } from 'aws-cdk-lib/cloud-assembly-schema'
import type { Construct } from 'constructs'
import type { StageConfig } from './stage.ts'

/** Whose credentials the command line has found, if any. */
export type Deployer = { readonly account: string | undefined; readonly region: string | undefined }

/** Where a stage that has been deployed says how many shards it has. */
const parameterName = (stage: string) => `/pairplane/${stage}/shards`

/** Leaves the number of shards with the stage, for later deploys to see. */
export function recordShards(scope: Construct, { name, shards }: StageConfig): void {
  new StringParameter(scope, 'Shards', {
    parameterName: parameterName(name),
    stringValue: String(shards),
    description: 'Pairplane: number of shards that this stage runs with',
  })
}

/** Throws when the stage is live with another number of shards, and nobody has said that this is meant (`-c confirmShards=…`). */
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
 * The value of a parameter, which the CDK's command line looks up between two rounds of synthesis. Not through the CDK's
 * own lookups: they want to know account and region in the code. Undefined without credentials, and before the first deploy.
 */
function lookUp(stack: Stack, parameter: string, { account, region }: Deployer, now: number): string | undefined {
  if (!account || !region) return undefined
  const key = `pairplane:ssm:${account}:${region}:${parameter}:${tenMinutes(now)}`
  const value: unknown = stack.node.tryGetContext(key)
  if (value === undefined) {
    const props = { account, region, parameterName: parameter, ...lookupRole(stack, account, region) }
    stack.reportMissingContextKey({ key, provider: ContextProvider.SSM_PARAMETER_PROVIDER, props })
  }
  // An object tells why there is no value: most likely because the stage has not been deployed yet.
  return typeof value === 'string' ? value : undefined
}

/**
 * The time to ten minutes, as `2026-11-22T10:0`. The command line keeps what it has found for ever (cdk.context.json), and another
 * machine may deploy meanwhile. Both rounds see the same, but for those that the tenth minute parts: then there is one more.
 */
const tenMinutes = (now: number) => new Date(now).toISOString().slice(0, 15)

/** The role that bootstrapping made for look-ups: who deploys need not be allowed to read parameters. */
function lookupRole({ synthesizer }: Stack, account: string, region: string) {
  const arn = synthesizer.lookupRole?.replace(/\$\{AWS::AccountId\}/g, account).replace(/\$\{AWS::Region\}/g, region)
  return arn === undefined ? {} : { lookupRoleArn: arn }
}
