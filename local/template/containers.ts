/** Containers of task definitions. */
import * as v from 'valibot'
import type { Clients } from '../services/clients.ts'
import type { Resource } from './assembly.ts'
import type { Container } from './cloud.ts'
import { assetFolder } from './functions.ts'
import { describe, type PropertySpec, readProperties } from './properties.ts'
import type { Reader } from './reader.ts'
import { secretValue } from './realisation.ts'
import { readRole } from './roles.ts'

const ContainerDefinition = v.object({
  Command: v.optional(v.array(v.string()), []),
  EntryPoint: v.optional(v.array(v.string()), []),
  Environment: v.optional(v.array(v.object({ Name: v.string(), Value: v.string() })), []),
  Image: v.string(),
  Name: v.string(),
  Secrets: v.optional(v.array(v.object({ Name: v.string(), ValueFrom: v.string() })), []),
})
type ContainerDefinition = v.InferOutput<typeof ContainerDefinition>

/** Name of the role of all containers: the local run starts those of one task definition. */
const hostRole = 'host'

/** Properties of a container definition that make no difference to a local process. */
const inertOfContainer = [
  'Cpu',
  'DockerLabels',
  'Essential',
  'HealthCheck',
  'LinuxParameters',
  'LogConfiguration',
  'Memory',
  'MemoryReservation',
  'Privileged',
  'ReadonlyRootFilesystem',
  'StartTimeout',
  'StopTimeout',
  'Ulimits',
  'User',
  'VersionConsistency',
]

const taskProperties = {
  // Container definitions are parsed below: their inert properties may refer to resources that do not exist locally.
  used: {},
  inert: [
    'ContainerDefinitions',
    'Cpu',
    'EphemeralStorage',
    'ExecutionRoleArn',
    'Family',
    'Memory',
    'NetworkMode',
    'RequiresCompatibilities',
    'RuntimePlatform',
    'Tags',
    'TaskRoleArn',
  ],
} as const satisfies PropertySpec<v.ObjectEntries>

/**
 * Reads the containers of a task definition with their environments. Secrets are read now, as ECS does at the start of
 * a task.
 */
export async function readContainers(resource: Resource, reader: Reader, clients: Clients): Promise<Container[]> {
  await readProperties(resource, taskProperties, async (value) => value)
  const definitions = v.parse(v.array(v.record(v.string(), v.unknown())), resource.properties['ContainerDefinitions'])
  return Promise.all(
    definitions.map(async (properties) => {
      const spec = { used: ContainerDefinition.entries, inert: inertOfContainer }
      const definition = await readProperties({ ...resource, properties }, spec, (value) =>
        reader.resolve(resource.stack, value),
      )
      return toContainer(resource, definition, reader, clients)
    }),
  )
}

async function toContainer(
  resource: Resource,
  definition: ContainerDefinition,
  reader: Reader,
  clients: Clients,
): Promise<Container> {
  const command = [...definition.EntryPoint, ...definition.Command]
  if (command.length === 0) throw new Error(`${describe(resource)}: container ${definition.Name} has no command`)
  const plain = definition.Environment.map(({ Name, Value }) => [Name, Value] as const)
  const secret = definition.Secrets.map(
    async ({ Name, ValueFrom }) => [Name, await secretValue(clients, secretReference(ValueFrom))] as const,
  )
  return {
    folder: assetFolder(resource, reader, definition.Image.split(':').at(-1) ?? ''),
    command,
    environment: Object.fromEntries([...plain, ...(await Promise.all(secret))]),
    role: await readRole(resource, 'TaskRoleArn', hostRole, reader),
  }
}

/** Converts ECS's `arn:key:stage:version` into a dynamic reference, which has `SecretString` after the ARN. */
function secretReference(valueFrom: string): string {
  const [, arn, rest] = /^(arn:(?:[^:]*:){5}[^:]*)(.*)$/.exec(valueFrom) ?? []
  if (arn === undefined) throw new Error(`The local run does not understand the secret ${valueFrom}`)
  return `secretsmanager:${arn}:SecretString${rest ?? ''}`
}
