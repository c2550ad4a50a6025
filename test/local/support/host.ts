/** A stand-in for a socket host: it takes shards at the start, the second one a single shard, and logs when it flushes. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TinyCloud, writeAssembly } from './assembly.ts'

const source = `
const env = process.env
const call = (operation, body) => fetch(env.AWS_ENDPOINT_URL_DYNAMODB, {
  method: 'POST',
  headers: {
    'content-type': 'application/x-amz-json-1.0',
    'x-amz-target': 'DynamoDB_20120810.' + operation,
    'x-amz-date': '20260101T000000Z',
    authorization: 'AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=b',
  },
  body: JSON.stringify({ TableName: env.CONTROL_TABLE, ...body }),
})
const S = (text) => ({ S: text })
if (env.FAILS) { console.error('cannot go on'); process.exit(9) }
// As a real host: after one signal it waits for its attempts, after the second it does not.
let isStopping = false
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => {
  if (isStopping) { console.log('flushing'); process.exit(0) }
  isStopping = true
})
console.log(JSON.stringify({ level: 'info', message: 'environment', env }))
await call('PutItem', { Item: { pk: S('HOST#' + env.HOST_ID), sk: S('BEAT'), sessions: { N: '7' }, at: { N: '1767225600000' } } })
const own = (shard) => call('PutItem', { Item: { pk: S('SHARD#' + shard), sk: S('LEASE'), owner: S(env.HOST_ID) } })
if (env.HOST_ID.startsWith('local-1-')) for (let shard = 0; shard < Number(env.SHARDS); shard++) await own(shard)
// Again and again: the first host may take it later.
else setInterval(() => own(0).catch(() => {}), 50)
setInterval(() => {}, 1000)
`

/** Writes an assembly with a control table, a function that has the token secret, and hosts; returns its folder. */
export function cloudWithHosts(hostEnvironment: Record<string, string> = {}): string {
  const environment = { CONTROL_TABLE: { Ref: 'Table' }, SHARDS: '3', ...hostEnvironment }
  const cloud: TinyCloud = {
    functions: {
      Guard: {
        code: 'export const handler = async () => null',
        variables: { TOKEN_SECRET_ARN: { Ref: 'Secret' }, TOKEN_ISSUER: 'issuer', TOKEN_AUDIENCE: 'audience' },
      },
    },
    resources: {
      Table: {
        Type: 'AWS::DynamoDB::GlobalTable',
        Properties: {
          AttributeDefinitions: ['pk', 'sk'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
          KeySchema: [
            { AttributeName: 'pk', KeyType: 'HASH' },
            { AttributeName: 'sk', KeyType: 'RANGE' },
          ],
        },
      },
      Secret: { Type: 'AWS::SecretsManager::Secret', Properties: { GenerateSecretString: {} } },
      Task: {
        Type: 'AWS::ECS::TaskDefinition',
        Properties: {
          ContainerDefinitions: [
            {
              ...{ Name: 'Host', Image: 'repository:hash', Command: ['node', 'main.mjs'] },
              Environment: Object.entries(environment).map(([Name, Value]) => ({ Name, Value })),
              Secrets: [{ Name: 'FROM_SECRET', ValueFrom: { Ref: 'Secret' } }],
            },
          ],
        },
        Metadata: { 'aws:asset:path': 'asset.host' },
      },
    },
  }
  const folder = writeAssembly(cloud)
  mkdirSync(join(folder, 'asset.host'))
  writeFileSync(join(folder, 'asset.host', 'main.mjs'), source)
  return folder
}
