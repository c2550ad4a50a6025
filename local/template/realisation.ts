/** The graph of a cloud assembly's resources: each is created once, after the resources that it refers to. */
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager'
import { account, partition, region, urlSuffix } from '../services/account.ts'
import type { Clients } from '../services/clients.ts'
import type { Assembly, Resource, Stack } from './assembly.ts'
import { type Identity, identifiers } from './identities.ts'
import { noValue, resolve, type Scope } from './intrinsics.ts'
import { describe } from './properties.ts'
import { isRealised } from './resource-types.ts'

/** Resolves values of a stack, and creates the resources that they refer to. */
export type Realisation = {
  resolve(stackName: string, value: unknown): Promise<unknown>
  identify(resource: Resource): Promise<Identity>
}

const pseudoParameters: Readonly<Record<string, unknown>> = {
  'AWS::AccountId': account,
  'AWS::Region': region,
  'AWS::Partition': partition,
  'AWS::URLSuffix': urlSuffix,
  'AWS::NoValue': noValue,
}

/** Prepares the graph. A resource is created when it is first needed. `localise` turns AWS's addresses into local ones. */
export function realise(assembly: Assembly, clients: Clients, localise: (text: string) => string): Realisation {
  const identities = new Map<Resource, Promise<Identity>>()
  const stacks = new Map(assembly.stacks.map((stack) => [stack.name, stack]))

  const identify = (resource: Resource): Promise<Identity> => {
    const known = identities.get(resource)
    if (known !== undefined) return known
    if (!isRealised(resource.type))
      throw new Error(`${describe(resource)} does not exist locally, but another resource refers to it`)
    const identity = identifiers[resource.type](resource, {
      clients,
      resolve: (value) => resolveIn(resource.stack, value),
    })
    identities.set(resource, identity)
    return identity
  }
  const resolveIn = async (stackName: string, value: unknown): Promise<unknown> =>
    mapTexts(await resolve(value, scopeOf(getStack(stacks, stackName))), localise)
  const scopeOf = (stack: Stack): Scope => ({
    ref: async (name) =>
      pseudoParameters[name] ?? stack.parameters.get(name) ?? (await identify(getResource(stack, name))).ref,
    getAtt: async (id, attribute) => {
      const resource = getResource(stack, id)
      const value = (await identify(resource)).attributes[attribute]
      if (value === undefined) throw new Error(`${describe(resource)} has no attribute ${attribute} in the local run`)
      return value
    },
    importValue: async (name) => {
      const exporter = assembly.stacks.find(({ exports }) => exports.has(name))
      if (exporter === undefined) throw new Error(`No stack exports ${name}`)
      return resolveIn(exporter.name, exporter.exports.get(name))
    },
    dynamicReference: (reference) => secretValue(clients, reference),
  })
  return { resolve: resolveIn, identify }
}

/**
 * Reads the secret `secretsmanager:<id>:SecretString:<json key>:<stage>:<version>`. Throws for other kinds of
 * reference.
 */
export async function secretValue(clients: Clients, reference: string): Promise<string> {
  const parts =
    /^secretsmanager:(arn:(?:[^:]*:){5}[^:]*|[^:]+)(?::SecretString)?(?::([^:]*))?(?::([^:]*))?(?::([^:]*))?$/.exec(
      reference,
    )
  if (parts === null) throw new Error(`The local run does not understand {{resolve:${reference}}}`)
  const [, SecretId, key, stage, version] = parts
  const { SecretString = '' } = await clients.secretsManager.send(
    new GetSecretValueCommand({
      SecretId,
      ...(stage && { VersionStage: stage }),
      ...(version && { VersionId: version }),
    }),
  )
  return key ? String(JSON.parse(SecretString)[key]) : SecretString
}

function getStack(stacks: ReadonlyMap<string, Stack>, name: string): Stack {
  const stack = stacks.get(name)
  if (stack === undefined) throw new Error(`There is no stack ${name}`)
  return stack
}

function getResource(stack: Stack, id: string): Resource {
  const resource = stack.resources.get(id)
  if (resource === undefined) throw new Error(`${stack.name} has no resource or parameter ${id}`)
  return resource
}

function mapTexts(value: unknown, map: (text: string) => string): unknown {
  if (typeof value === 'string') return map(value)
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, map))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapTexts(item, map)]))
}
