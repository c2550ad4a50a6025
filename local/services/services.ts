/** Endpoints of the AWS services: embedded engines, or external ones (LocalStack) where `AWS_ENDPOINT_URL…` names one. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Faults, type FaultTarget, faultTargets, putFaultsBefore } from '../faults.ts'
import { startAwsJson } from './aws-json.ts'
import { startDynamoDb } from './dynamodb.ts'
import type { Engine } from './engine.ts'
import { checkEndpoints, externalEndpoints } from './external.ts'
import { guardItems, type Role } from './item-rights.ts'
import { kmsOperations } from './kms.ts'
import { secretsOperations } from './secrets.ts'
import { type Queues, startSqs } from './sqs.ts'

/** URL of each service. `other` is for all services that the local run does not have. */
export type Endpoints = {
  readonly dynamodb: string
  readonly sqs: string
  readonly kms: string
  readonly secretsManager: string
  readonly other: string
}

export type Services = {
  readonly endpoints: Endpoints
  /** Lets roles do with items what their rights say; without effect on an external DynamoDB. */
  enforce(roles: readonly Role[]): void
  /** Puts undelivered messages of the last run back into their queues, which must exist by then. */
  restoreMessages(): Promise<void>
  stop(): Promise<void>
}

export type ServiceOptions = {
  /** Folder for everything that must survive a restart. Without one, everything is in memory. */
  readonly dataDir?: string | undefined
  /** Environment in which `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>` are looked up. */
  readonly env?: NodeJS.ProcessEnv | undefined
  readonly faults?: Faults | undefined
  /** Called with the name of an operation, or a method and path, that the local run does not serve. */
  readonly onUnknownCall: (operation: string) => void
  /** Called with a sentence about a call that its role does not allow. */
  readonly onRefusedCall?: (text: string) => void
}

/** Starts the engines for which the environment names no endpoint. Throws when nothing answers at a named endpoint. */
export async function startServices(options: ServiceOptions): Promise<Services> {
  const external = externalEndpoints(options.env ?? {})
  await checkEndpoints(external)
  const file = dataFiles(options.dataDir)
  const json = { ...kmsOperations(file('keys.json')), ...secretsOperations(file('secrets.json')) }
  const [other, dynamodb, sqs] = await Promise.all([
    startAwsJson(json, options.onUnknownCall),
    external.dynamodb === undefined ? startDynamoDb(file('tables')) : undefined,
    external.sqs === undefined ? startSqs(file('queues.json')) : undefined,
  ])
  const guard = dynamodb && guardItems(dynamodb.server, options.onRefusedCall ?? (() => undefined))
  subjectToFaults({ dynamodb, sqs, 'kms-and-secrets': other }, options.faults)
  return {
    endpoints: {
      dynamodb: external.dynamodb ?? urlOf(dynamodb),
      sqs: external.sqs ?? urlOf(sqs),
      kms: external.kms ?? other.url,
      secretsManager: external.secretsManager ?? other.url,
      other: external.other ?? other.url,
    },
    enforce: (roles) => guard?.enforce(roles),
    restoreMessages: async () => sqs?.restore(),
    stop: () => stopAll([sqs, dynamodb, other]),
  }
}

/** Returns the variables that make the SDK use these endpoints. */
export function endpointVariables(endpoints: Endpoints): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: endpoints.other,
    AWS_ENDPOINT_URL_DYNAMODB: endpoints.dynamodb,
    AWS_ENDPOINT_URL_SQS: endpoints.sqs,
    AWS_ENDPOINT_URL_KMS: endpoints.kms,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: endpoints.secretsManager,
  }
}

function subjectToFaults(engines: Partial<Record<FaultTarget, Engine | undefined>>, faults: Faults | undefined): void {
  if (faults === undefined) return
  for (const target of faultTargets) {
    const server = engines[target]?.server
    if (server !== undefined) putFaultsBefore(server, target, faults)
  }
}

function dataFiles(dataDir: string | undefined): (name: string) => string | undefined {
  if (dataDir !== undefined) mkdirSync(dataDir, { recursive: true })
  return (name) => (dataDir === undefined ? undefined : join(dataDir, name))
}

function urlOf(engine: Engine | Queues | undefined): string {
  if (engine === undefined) throw new Error('A service has neither an engine nor an endpoint')
  return engine.url
}

async function stopAll(engines: (Engine | undefined)[]): Promise<void> {
  for (const engine of engines) await engine?.stop()
}
