/** Compares what roles may do with what their code ever asks AWS for: a command that nobody sends needs no permission. */
import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { permissions, synthesize } from './synthesize.ts'

const { controlPlane, socketHost } = synthesize('prod')

/** The prefix of IAM's actions for each client; the name of an action is that of its command. */
const services: Readonly<Record<string, string>> = {
  '@aws-sdk/client-kms': 'kms',
  '@aws-sdk/client-secrets-manager': 'secretsmanager',
  '@aws-sdk/client-sqs': 'sqs',
  '@aws-sdk/lib-dynamodb': 'dynamodb',
}
const actionNames: Readonly<Record<string, string>> = {
  ...Object.fromEntries(['Get', 'Put', 'Update', 'Delete', 'BatchGet'].map((name) => [name, `${name}Item`])),
  BatchWrite: 'BatchWriteItem',
}

/** The actions of all commands that a folder and what it shares with others send. */
function sentBy(folder: string): string[] {
  const files = [`${folder}/**/*.ts`, 'shared/**/*.ts'].flatMap((pattern) => globSync(pattern))
  return files.flatMap((file) => {
    const source = readFileSync(file, 'utf8')
    const imports = [...source.matchAll(/^import \{([^}]*)\} from '(@aws-sdk\/[\w-]+)'/gm)]
    return imports.flatMap(([, names = '', client = '']) => {
      if (client === '@aws-sdk/client-apigatewaymanagementapi') return ['execute-api:ManageConnections']
      const commands = [...names.matchAll(/(\w+)Command\b/g)].map(([, name = '']) => name)
      return commands.map((name) => `${services[client]}:${actionNames[name] ?? name}`)
    })
  })
}

const actionsOf = (granted: readonly string[]) =>
  [...new Set(granted.map((permission) => permission.split(' ')[0]))].sort()

/** Lambda does these itself, in the name of the function: it writes the log, and takes messages from the watchdog's queue. */
const doneByLambda = (permission: string) =>
  permission.startsWith('logs:') || (permission.includes('WatchdogQueue') && !permission.startsWith('sqs:SendMessage'))

test('hosts may do what their code does, and nothing else', () => {
  expect(actionsOf(permissions(socketHost, 'Host/Role/'))).toEqual(actionsOf(sentBy('socket-host')))
})

test('functions may do what their code does, and nothing else', () => {
  const granted = permissions(controlPlane, 'Functions/').filter((permission) => !doneByLambda(permission))
  // Shared code of the hosts: the key and the credentials.
  const ofHosts = ['kms:Decrypt', 'kms:GenerateDataKey', 'dynamodb:BatchWriteItem']
  expect(actionsOf(granted)).toEqual(actionsOf(sentBy('functions')).filter((action) => !ofHosts.includes(action ?? '')))
})
