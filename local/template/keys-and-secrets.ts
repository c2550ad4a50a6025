/** KMS keys and secrets of a template. */
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  type KMSClient,
  NotFoundException,
} from '@aws-sdk/client-kms'
import {
  CreateSecretCommand,
  DescribeSecretCommand,
  ResourceNotFoundException,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import * as v from 'valibot'
import { GenerateSecretString, generateSecret } from '../services/generated-secret.ts'
import type { PropertySpec } from './properties.ts'

export const keyProperties = {
  used: { KeySpec: v.optional(v.literal('SYMMETRIC_DEFAULT')), KeyUsage: v.optional(v.literal('ENCRYPT_DECRYPT')) },
  inert: ['Description', 'EnableKeyRotation', 'RotationPeriodInDays', 'KeyPolicy', 'PendingWindowInDays', 'Tags'],
} as const satisfies PropertySpec<v.ObjectEntries>

export const aliasProperties = {
  used: { AliasName: v.string(), TargetKeyId: v.string() },
  inert: [],
} as const satisfies PropertySpec<v.ObjectEntries>

export const secretProperties = {
  used: {
    Name: v.optional(v.string()),
    SecretString: v.optional(v.string()),
    GenerateSecretString: v.optional(GenerateSecretString),
  },
  inert: ['Description', 'KmsKeyId', 'Tags'],
} as const satisfies PropertySpec<v.ObjectEntries>

type SecretProperties = v.InferOutput<v.ObjectSchema<typeof secretProperties.used, undefined>>

/** Identifiers of a key. */
export type KeyIds = { readonly id: string; readonly arn: string }

/** Finds the key that an earlier run created under this name, or creates it. */
export async function createKey(client: KMSClient, name: string): Promise<KeyIds> {
  const alias = `alias/${name}`
  const known = await findKey(client, alias)
  if (known !== undefined) return known
  const created = keyIds((await client.send(new CreateKeyCommand({}))).KeyMetadata)
  await createAlias(client, alias, created.id)
  return created
}

/** Creates an alias for a key, unless the alias exists. */
export async function createAlias(client: KMSClient, alias: string, keyId: string): Promise<void> {
  if ((await findKey(client, alias)) !== undefined) return
  await client.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: keyId }))
}

/** Finds the secret that an earlier run created under this name, or creates it; returns its ARN. */
export async function createSecret(
  client: SecretsManagerClient,
  name: string,
  properties: SecretProperties,
): Promise<string> {
  const known = await findSecret(client, name)
  if (known !== undefined) return known
  const SecretString =
    properties.SecretString ?? generateSecret(properties.GenerateSecretString ?? v.parse(GenerateSecretString, {}))
  const { ARN } = await client.send(new CreateSecretCommand({ Name: name, SecretString }))
  if (ARN === undefined) throw new Error(`Secrets Manager returned no ARN for ${name}`)
  return ARN
}

async function findKey(client: KMSClient, keyId: string): Promise<KeyIds | undefined> {
  try {
    return keyIds((await client.send(new DescribeKeyCommand({ KeyId: keyId }))).KeyMetadata)
  } catch (error) {
    if (error instanceof NotFoundException) return undefined
    throw error
  }
}

async function findSecret(client: SecretsManagerClient, name: string): Promise<string | undefined> {
  try {
    return (await client.send(new DescribeSecretCommand({ SecretId: name }))).ARN
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined
    throw error
  }
}

function keyIds(metadata: { KeyId?: string | undefined; Arn?: string | undefined } | undefined): KeyIds {
  if (metadata?.KeyId === undefined || metadata.Arn === undefined) throw new Error('KMS returned a key without an id')
  return { id: metadata.KeyId, arn: metadata.Arn }
}
