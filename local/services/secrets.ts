/** The part of Secrets Manager that reading a secret and rotating it by hand need. */
import { createHash, randomUUID } from 'node:crypto'
import * as v from 'valibot'
import { account, region } from './account.ts'
import { AwsError, type Operations, operation } from './aws-json.ts'
import { type Stored, storedJson } from './json-file.ts'

const Version = v.object({
  id: v.string(),
  value: v.string(),
  stages: v.array(v.string()),
  /** Epoch seconds. */
  createdAt: v.number(),
})
type Version = v.InferOutput<typeof Version>

/** Versions by secret name, newest first. */
const Vault = v.record(v.string(), v.array(Version))
type Vault = v.InferOutput<typeof Vault>

const GetRequest = v.object({
  SecretId: v.string(),
  VersionStage: v.optional(v.string()),
  VersionId: v.optional(v.string()),
})
const CreateRequest = v.object({ Name: v.string(), SecretString: v.string() })
const PutRequest = v.object({ SecretId: v.string(), SecretString: v.string() })

/** Returns the operations of Secrets Manager on a vault in a file, or in memory without a path. */
export function secretsOperations(path: string | undefined): Operations {
  const vault = storedJson(path, Vault, {})
  return {
    'secretsmanager.GetSecretValue': operation(GetRequest, (input) => getValue(vault.get(), input)),
    'secretsmanager.DescribeSecret': operation(v.object({ SecretId: v.string() }), (input) =>
      describe(findSecret(vault.get(), input.SecretId)),
    ),
    'secretsmanager.CreateSecret': operation(CreateRequest, (input) => {
      if (vault.get()[input.Name] !== undefined) {
        throw new AwsError('ResourceExistsException', `The secret ${input.Name} already exists.`)
      }
      return addVersion(vault, input.Name, input.SecretString)
    }),
    'secretsmanager.PutSecretValue': operation(PutRequest, (input) =>
      addVersion(vault, findSecret(vault.get(), input.SecretId), input.SecretString),
    ),
  }
}

/** Makes a value current and the one before it previous, and drops older ones. */
function addVersion(vault: Stored<Vault>, name: string, value: string): object {
  const version: Version = { id: randomUUID(), value, stages: ['AWSCURRENT'], createdAt: Date.now() / 1000 }
  const [previous] = vault.get()[name] ?? []
  const versions = previous === undefined ? [version] : [version, { ...previous, stages: ['AWSPREVIOUS'] }]
  vault.set({ ...vault.get(), [name]: versions })
  return { ...describe(name), VersionId: version.id, VersionStages: version.stages }
}

function getValue(vault: Vault, input: v.InferOutput<typeof GetRequest>): object {
  const name = findSecret(vault, input.SecretId)
  const wanted = wantedVersion(input)
  const version = vault[name]?.find(wanted.matches)
  if (version === undefined) throw notFound(`value for ${wanted.description}`)
  return {
    ...describe(name),
    VersionId: version.id,
    SecretString: version.value,
    VersionStages: version.stages,
    CreatedDate: version.createdAt,
  }
}

function wantedVersion(input: v.InferOutput<typeof GetRequest>) {
  const { VersionId: id, VersionStage: stage = id === undefined ? 'AWSCURRENT' : undefined } = input
  const matches = (version: Version) =>
    (id === undefined || version.id === id) && (stage === undefined || version.stages.includes(stage))
  return { matches, description: stage === undefined ? `version: ${id}` : `staging label: ${stage}` }
}

/** Finds a secret by its name, its ARN, or its ARN without the random suffix. */
function findSecret(vault: Vault, secretId: string): string {
  const bare = secretId.replace(/^arn:aws:secretsmanager:[^:]*:[^:]*:secret:/, '')
  const name = Object.keys(vault).find((known) => bare === known || bare === `${known}-${suffix(known)}`)
  if (name === undefined) throw notFound('secret.')
  return name
}

function describe(name: string): object {
  return { ARN: `arn:aws:secretsmanager:${region}:${account}:secret:${name}-${suffix(name)}`, Name: name }
}

/** Returns the six characters at the end of a secret's ARN: random on AWS, the same in every run here. */
function suffix(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 6)
}

function notFound(what: string): AwsError {
  return new AwsError('ResourceNotFoundException', `Secrets Manager can't find the specified secret ${what}`)
}
