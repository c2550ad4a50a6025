/** DynamoDB tables of a template. */
import {
  CreateTableCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  ResourceInUseException,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb'
import * as v from 'valibot'
import type { PropertySpec } from './properties.ts'

const KeySchema = v.array(v.object({ AttributeName: v.string(), KeyType: v.picklist(['HASH', 'RANGE']) }))

/** Properties that `::Table` and `::GlobalTable` share. Time to live only cleans up: no code may depend on it. */
export const tableProperties = {
  used: {
    TableName: v.optional(v.string()),
    AttributeDefinitions: v.array(v.object({ AttributeName: v.string(), AttributeType: v.picklist(['S', 'N', 'B']) })),
    KeySchema,
  },
  inert: [
    'BillingMode',
    'DeletionProtectionEnabled',
    'PointInTimeRecoverySpecification',
    'Replicas',
    'SSESpecification',
    'Tags',
    'TimeToLiveSpecification',
    'WriteOnDemandThroughputSettings',
    'ReadOnDemandThroughputSettings',
  ],
} as const satisfies PropertySpec<v.ObjectEntries>

type TableProperties = v.InferOutput<v.ObjectSchema<typeof tableProperties.used, undefined>>

const readySeconds = 30

/** Creates the table unless it exists from an earlier run; resolves when it can be used. */
export async function createTable(client: DynamoDBClient, name: string, properties: TableProperties): Promise<void> {
  const { AttributeDefinitions, KeySchema } = properties
  try {
    await client.send(
      new CreateTableCommand({ TableName: name, BillingMode: 'PAY_PER_REQUEST', AttributeDefinitions, KeySchema }),
    )
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error
  }
  await waitUntilTableExists({ client, minDelay: 0.02, maxDelay: 1, maxWaitTime: readySeconds }, { TableName: name })
}

/** Reads a table's ARN from the engine, whose account may be another than ours. */
export async function tableArn(client: DynamoDBClient, name: string): Promise<string> {
  const arn = (await client.send(new DescribeTableCommand({ TableName: name }))).Table?.TableArn
  if (arn === undefined) throw new Error(`DynamoDB returned no ARN for table ${name}`)
  return arn
}
