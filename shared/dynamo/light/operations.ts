/** Commands of the document client as DynamoDB's operations, and their inputs and outputs in DynamoDB's JSON. */
import * as commands from '@aws-sdk/lib-dynamodb'
import { itemFromWire, itemToWire, type WireItem } from './attribute-values.ts'

type Members = Readonly<Record<string, unknown>>
type Convert = (member: never) => unknown

const operations = new Map<unknown, string>([
  [commands.BatchGetCommand, 'BatchGetItem'],
  [commands.BatchWriteCommand, 'BatchWriteItem'],
  [commands.DeleteCommand, 'DeleteItem'],
  [commands.GetCommand, 'GetItem'],
  [commands.PutCommand, 'PutItem'],
  [commands.QueryCommand, 'Query'],
  [commands.UpdateCommand, 'UpdateItem'],
])

/** Returns the operation of a command, such as `GetItem`. Throws TypeError for a command that is not supported. */
export function operationOf(command: object): string {
  const operation = operations.get(command.constructor)
  if (operation === undefined) throw new TypeError(`The light client does not support ${command.constructor.name}`)
  return operation
}

/** Returns a command's input as the body of a request. */
export const bodyOf = (input: object): string => JSON.stringify(convertMembers({ ...input }, inputs))

/** Returns the output of a command, from the body of an answer. */
export const outputOf = (answer: Members): Members => convertMembers(answer, outputs)

const convertMembers = (members: Members, converts: Readonly<Record<string, Convert>>): Members =>
  mapValues(members, (value, name) => (value === undefined ? value : (converts[name]?.(value as never) ?? value)))

const mapValues = <T, U>(values: Readonly<Record<string, T>>, map: (value: T, name: string) => U) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(value, name)]))

type Batch<T> = Readonly<Record<string, readonly Record<string, Record<string, T>>[] | { readonly Keys: readonly T[] }>>

/** Converts the items of a batch: keys to read, or puts and deletes, by table. */
const batch =
  <T>(convert: (item: T) => unknown) =>
  (tables: Batch<T>) =>
    mapValues(tables, (asked) =>
      'Keys' in asked
        ? { ...asked, Keys: asked.Keys.map(convert) }
        : asked.map((write) => mapValues(write, (request) => mapValues(request, convert))),
    )

const inputs = {
  ...{ Item: itemToWire, Key: itemToWire, ExpressionAttributeValues: itemToWire, ExclusiveStartKey: itemToWire },
  RequestItems: batch(itemToWire),
}

const itemsFromWire = (items: readonly WireItem[]) => items.map(itemFromWire)

const outputs = {
  ...{ Item: itemFromWire, Items: itemsFromWire, Attributes: itemFromWire, LastEvaluatedKey: itemFromWire },
  ...{ UnprocessedKeys: batch(itemFromWire), UnprocessedItems: batch(itemFromWire) },
  Responses: (tables: Readonly<Record<string, readonly WireItem[]>>) => mapValues(tables, itemsFromWire),
}
