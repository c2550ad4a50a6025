/** `npm run relist`: a step of "Change the number of shards" in docs/operations.md. */
import { documentClient } from '#shared/dynamo/document-client.ts'
import { parseOptions, runMain, UsageError } from './arguments.ts'
import { relistCompanies } from './relisting.ts'

const usage = `npm run relist -- --table CONTROL_TABLE --from OLD --to NEW

  --table  name of the control table
  --from   old number of shards
  --to     new number of shards

Region and credentials are those of the AWS command line. Fails while a host owns a shard. Can be repeated.`

const options = { table: { type: 'string' }, from: { type: 'string' }, to: { type: 'string' } } as const

async function main(): Promise<number> {
  const { values } = parseOptions(options, usage)
  if (!values.table) throw new UsageError('--table is missing')
  const client = documentClient()
  const relisting = { client, table: values.table, from: shards('from', values.from), to: shards('to', values.to) }
  const moved = await relistCompanies(relisting)
  client.destroy()
  console.log(`${moved} companies moved to another shard`)
  return 0
}

function shards(name: string, value: string | undefined): number {
  if (value === undefined) throw new UsageError(`--${name} is missing`)
  const number = /^\d+$/.test(value) ? Number(value) : 0
  if (number >= 1 && number <= 256) return number
  throw new UsageError(`--${name} must be a whole number from 1 to 256, not "${value}"`)
}

await runMain('npm run relist -- --help', main)
