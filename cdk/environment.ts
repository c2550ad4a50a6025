/**
 * The environment of functions and hosts, typed against shared/config/env.ts: code that forgets a variable does not
 * compile.
 */
import type { GenericSchema, InferInput } from 'valibot'
import type { AuthorizerEnv, ControlPlaneEnv, HealthEnv, SocketHostEnv } from '#shared/config/env.ts'
import { writePlaces } from '#shared/config/fuse-windows.ts'
import { hostDefaults, leaseTimes } from '#shared/config/settings.ts'
import { metricNamespace } from '#shared/telemetry/metric-names.ts'
import type { FunctionName } from '../functions/routes.ts'
import type { DataStack } from './data-stack.ts'
import type { StageConfig } from './stage.ts'

/** Every variable of a schema; `undefined` leaves one out explicitly. */
type EnvironmentOf<Schema extends GenericSchema> = Record<keyof InferInput<Schema>, string | undefined>

export type EnvironmentProps = {
  readonly stage: StageConfig
  readonly data: DataStack
  /** URL of the WebSocket API's management API. */
  readonly callbackUrl: string
  readonly buildVersion: string
}

/** Returns the environment of a function. */
export function functionEnvironment(name: FunctionName, props: EnvironmentProps): Record<string, string> {
  if (name === 'authorizer') return present(authorizerEnvironment(props))
  if (name === 'health') return present({ BUILD_VERSION: props.buildVersion } satisfies EnvironmentOf<typeof HealthEnv>)
  return present(controlPlaneEnvironment(props))
}

/** Returns the environment of a socket host. */
export function hostEnvironment(props: EnvironmentProps): Record<string, string> {
  const { data, stage } = props
  return present({
    ...companyVariables(props),
    CREDENTIALS_TABLE: data.tables.credentials.tableName,
    ...shardVariables(props),
    CREDENTIALS_KEY_ARN: data.secrets.credentialsKey.keyArn,
    CODE_LIFETIME_SECONDS: String(stage.pairing.codeLifetimeSeconds),
    PHONE_CHANGE_POLICY: stage.pairing.phoneChangePolicy,
    LEASE_RENEW_MS: String(leaseTimes.renewMs),
    HEALTH_PORT: String(hostDefaults.healthPort),
    DRAIN_SECONDS: String(hostDefaults.drainSeconds),
    SESSIONS_PER_HOST: String(stage.hosts.sessionsPerHost),
    FUSE_PER_FIVE_MINUTES: writePlaces(stage.fuse.fiveMinutes),
    FUSE_PER_DAY: writePlaces(stage.fuse.day),
    // Each host makes up its own id: a task has no name before it runs.
    HOST_ID: undefined,
  } satisfies EnvironmentOf<typeof SocketHostEnv>)
}

function controlPlaneEnvironment(props: EnvironmentProps) {
  return {
    ...companyVariables(props),
    ...tokenVariables(props),
    ...shardVariables(props),
    DEFAULT_REGION: props.stage.pairing.defaultRegion,
    CODE_DEADLINE_SECONDS: String(props.stage.pairing.codeDeadlineSeconds),
    MESSAGES_PER_SECOND: String(props.stage.clients.messagesPerSecond),
    HTTP_REQUESTS_PER_SECOND: String(props.stage.clients.httpRequestsPerSecond),
    CONNECTIONS_PER_COMPANY: String(props.stage.clients.connectionsPerCompany),
  } satisfies EnvironmentOf<typeof ControlPlaneEnv>
}

function authorizerEnvironment(props: EnvironmentProps) {
  return { ...tokenVariables(props), ...sentryVariables(props) } satisfies EnvironmentOf<typeof AuthorizerEnv>
}

function sentryVariables({ stage, buildVersion }: EnvironmentProps) {
  return {
    SENTRY_DSN: stage.sentryDsn ?? '',
    METRICS_NAMESPACE: metricNamespace(stage.name),
    BUILD_VERSION: buildVersion,
  }
}

function companyVariables(props: EnvironmentProps) {
  const { data, callbackUrl } = props
  const { pairing } = props.stage
  return {
    CONTROL_TABLE: data.tables.control.tableName,
    CALLBACK_URL: callbackUrl,
    WATCHDOG_QUEUE_URL: data.watchdog.queue.queueUrl,
    CODES_PER_PHONE: String(pairing.codesPerPhone),
    CODES_PER_FOREIGN_PHONE: String(pairing.codesPerForeignPhone),
    CODES_PER_COMPANY: String(pairing.codesPerCompany),
    BUDGET_WINDOW_SECONDS: String(pairing.budgetWindowSeconds),
    PHONE_HASH_SECRET_ARN: data.secrets.phoneHash.secretArn,
    LEASE_STALE_MS: String(leaseTimes.staleMs),
    ...sentryVariables(props),
    LOG_LEVEL: 'info',
  }
}

function tokenVariables({ stage: { tokens }, data }: EnvironmentProps) {
  return {
    TOKEN_SECRET_ARN: tokens.jwksUrl === undefined ? data.secrets.token.secretArn : undefined,
    TOKEN_JWKS_URL: tokens.jwksUrl,
    TOKEN_ISSUER: tokens.issuer,
    TOKEN_AUDIENCE: tokens.audience,
  }
}

/**
 * Returns one URL and the number of shards: a URL per shard would not fit, since a function's environment is limited to
 * 4096 bytes.
 */
function shardVariables({ stage, data }: EnvironmentProps) {
  return { SHARD_0_QUEUE_URL: data.commands.firstUrl, SHARDS: String(stage.shards) }
}

function present(variables: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}
