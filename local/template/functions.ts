/** Lambda functions of a template, and the queues that invoke them. */
import { join } from 'node:path'
import * as v from 'valibot'
import type { Resource } from './assembly.ts'
import type { CloudFunction, EventSource } from './cloud.ts'
import { describe, flag, numeric, type PropertySpec, readProperties } from './properties.ts'
import type { Reader } from './reader.ts'
import { readRole } from './roles.ts'

const functionProperties = {
  used: {
    Code: v.object({ S3Key: v.string() }),
    Environment: v.optional(v.object({ Variables: v.optional(v.record(v.string(), v.string()), {}) }), {}),
    Handler: v.string(),
    MemorySize: v.optional(numeric, 128),
    PackageType: v.optional(v.literal('Zip')),
    Runtime: v.pipe(v.string(), v.startsWith('nodejs', 'only Node.js functions run locally')),
    Timeout: v.optional(numeric, 3),
  },
  inert: [
    'Architectures',
    'DeadLetterConfig',
    'Description',
    'EphemeralStorage',
    'FunctionName',
    'KmsKeyArn',
    'LoggingConfig',
    'ReservedConcurrentExecutions',
    'Role',
    'Tags',
    'TracingConfig',
  ],
} as const satisfies PropertySpec<v.ObjectEntries>

const eventSourceProperties = {
  used: {
    BatchSize: v.optional(numeric, 10),
    Enabled: v.optional(flag, true),
    EventSourceArn: v.pipe(v.string(), v.startsWith('arn:aws:sqs:', 'only queues are event sources locally')),
    FunctionName: v.string(),
    FunctionResponseTypes: v.optional(v.array(v.literal('ReportBatchItemFailures')), []),
  },
  inert: ['MaximumBatchingWindowInSeconds', 'ScalingConfig', 'Tags'],
} as const satisfies PropertySpec<v.ObjectEntries>

/** Reads a function with its environment. */
export async function readFunction(resource: Resource, reader: Reader): Promise<CloudFunction> {
  const properties = await readProperties(resource, functionProperties, (value) =>
    reader.resolve(resource.stack, value),
  )
  const { ref, attributes } = await reader.identify(resource)
  return {
    name: ref,
    title: titleOf(resource),
    arn: attributes['Arn'] ?? '',
    folder: assetFolder(resource, reader, properties.Code.S3Key.replace(/\.zip$/, '')),
    handler: properties.Handler,
    memoryMb: properties.MemorySize,
    timeoutMs: properties.Timeout * 1000,
    environment: properties.Environment.Variables,
    role: await readRole(resource, 'Role', titleOf(resource), reader),
  }
}

/** Reads which queue invokes which function; returns nothing for a disabled mapping. */
export async function readEventSource(resource: Resource, reader: Reader): Promise<EventSource[]> {
  const properties = await readProperties(resource, eventSourceProperties, (value) =>
    reader.resolve(resource.stack, value),
  )
  if (!properties.Enabled) return []
  return [
    {
      queueArn: properties.EventSourceArn,
      queueUrl: await reader.queueUrl(properties.EventSourceArn),
      functionArn: await reader.functionArn(properties.FunctionName),
      batchSize: properties.BatchSize,
      reportsItemFailures: properties.FunctionResponseTypes.length > 0,
    },
  ]
}

/** Returns the folder of an asset: the one in the template's metadata, or else the one found by the asset's hash. */
export function assetFolder(resource: Resource, reader: Reader, hash: string): string {
  const path = resource.metadata['aws:asset:path']
  const folder = typeof path === 'string' ? join(reader.assemblyFolder, path) : reader.assembly.assets.get(hash)
  if (folder === undefined) throw new Error(`${describe(resource)}: no asset ${hash} in the cloud assembly`)
  return folder
}

/** Returns the construct's own name in lower case, e.g. `message` for `stack/Functions/Message/Function/Resource`. */
function titleOf(resource: Resource): string {
  const path = resource.metadata['aws:cdk:path']
  const parts = typeof path === 'string' ? path.split('/') : []
  return (parts.findLast((part) => part !== 'Function' && part !== 'Resource') ?? resource.id).toLowerCase()
}
