/** AWS's services, as endpoints: embedded engines, or somebody else's (LocalStack) where `AWS_ENDPOINT_URL…` names one. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Faults, type FaultTarget, faultTargets, putFaultsBefore } from '../faults.ts'
import { startAwsJson } from './aws-json.ts'
import { startDynamoDb } from './dynamodb.ts'
import type { Engine } from './engine.ts'
import { checkEndpoints, externalEndpoints } from './external.ts'
import { kmsOperations } from './kms.ts'
import { secretsOperations } from './secrets.ts'
import { type Queues, startSqs } from './sqs.ts'

/** Where each service answers; `other` is where every service answers, with a refusal, that the local run does not have. */
export type Endpoints = {
  readonly dynamodb: string
  readonly sqs: string
  readonly kms: string
  readonly secretsManager: string
  readonly other: string
}

export type Services = {
  readonly endpoints: Endpoints
  /** Puts unsent messages of the last run back; to be called when the queues exist. */
  restoreMessages(): Promise<void>
  stop(): Promise<void>
}

export type ServiceOptions = {
  /** Folder that keeps everything that must outlive a restart. Without one all is in memory. */
  readonly dataDir?: string | undefined
  /** Where `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>` are looked up. */
  readonly env?: NodeJS.ProcessEnv | undefined
  readonly faults?: Faults | undefined
  /** Told about a call to a service or an operation that nobody serves. */
  readonly onUnknownCall: (what: string) => void
}

/** Starts the engines that are not replaced by an endpoint in the environment; throws when nobody answers at such an endpoint. */
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
  subjectToFaults({ dynamodb, sqs, 'kms-and-secrets': other }, options.faults)
  return {
    endpoints: {
      dynamodb: external.dynamodb ?? urlOf(dynamodb),
      sqs: external.sqs ?? urlOf(sqs),
      kms: external.kms ?? other.url,
      secretsManager: external.secretsManager ?? other.url,
      other: external.other ?? other.url,
    },
    restoreMessages: async () => sqs?.restore(),
    stop: () => stopAll([sqs, dynamodb, other]),
  }
}

/** The variables by which the SDK finds a service, for a process that is to use these endpoints. */
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
