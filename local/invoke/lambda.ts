/** Lambda: all functions of the cloud, by ARN. */
import { credentials, region } from '../services/account.ts'
import type { CloudFunction } from '../template/cloud.ts'
import { type FunctionPool, functionPool } from './function-pool.ts'
import type { Invoke, Log } from './outcome.ts'

export type Lambda = {
  readonly invoke: Invoke
  /** Loads functions before their first invocation, one after another because they compete for the same cores. */
  prewarm(arns: readonly string[]): Promise<void>
  stop(): Promise<void>
}

/** Creates the pools of the functions. `endpoints` are the variables by which the SDK finds the services. */
export function startLambda(
  functions: readonly CloudFunction[],
  endpoints: Readonly<Record<string, string>>,
  log: Log,
): Lambda {
  const pools = new Map<string, FunctionPool>(
    functions.map((fn) => [fn.arn, functionPool(fn, functionEnvironment(fn, endpoints), log)]),
  )
  const poolOf = (arn: string) => {
    const pool = pools.get(arn)
    if (pool === undefined) throw new Error(`There is no function ${arn}`)
    return pool
  }
  return {
    invoke: async (arn, event) => poolOf(arn).invoke(event),
    async prewarm(arns) {
      for (const arn of new Set(arns)) await poolOf(arn).prewarm()
    },
    async stop() {
      await Promise.all([...pools.values()].map((pool) => pool.stop()))
    },
  }
}

/** Returns the whole environment of a function: its own variables, those of Lambda's runtime, and the endpoints. */
function functionEnvironment(
  fn: CloudFunction,
  endpoints: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return {
    PATH: process.env['PATH'] ?? '',
    ...credentialsOf(fn),
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_LAMBDA_FUNCTION_NAME: fn.name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(fn.memoryMb),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${fn.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: 'local',
    LAMBDA_TASK_ROOT: fn.folder,
    _HANDLER: fn.handler,
    ...endpoints,
    ...fn.environment,
  }
}

/** Returns the AWS variables of a function or a host; its role is the one whose credentials it has. */
export const credentialsOf = ({ role }: Pick<CloudFunction, 'role'>): typeof awsVariables => ({
  ...awsVariables,
  ...(role && { AWS_ACCESS_KEY_ID: role.name }),
})

/**
 * AWS variables of functions and hosts. The credentials are fake, and the settings keep the SDK from using the
 * machine's own.
 */
const awsVariables = {
  AWS_REGION: region,
  AWS_DEFAULT_REGION: region,
  AWS_ACCESS_KEY_ID: credentials.accessKeyId as string,
  AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_EC2_METADATA_DISABLED: 'true',
}
