/**
 * Compares the permissions of roles with the AWS commands in their code: a command that no code sends needs no
 * permission.
 */
import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { permissions, synthesize } from './synthesize.ts'

const { controlPlane, socketHost } = synthesize('prod')

/** Prefix of IAM's actions for each client. The rest of an action's name is that of its command. */
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

/** Returns the actions of all commands that the code of a folder and of `shared` sends. */
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

/** Actions that Lambda itself performs with the function's role: it writes the log and polls the watchdog's queue. */
const doneByLambda = (permission: string) =>
  permission.startsWith('logs:') || (permission.includes('WatchdogQueue') && !permission.startsWith('sqs:SendMessage'))

test('hosts may do what their code does, and nothing else', () => {
  expect(actionsOf(permissions(socketHost, 'Host/Role/'))).toEqual(actionsOf(sentBy('socket-host')))
})

test('functions may do what their code does, and nothing else', () => {
  const granted = permissions(controlPlane, 'Functions/').filter((permission) => !doneByLambda(permission))
  // Code in `shared` that only the hosts use: the key and the credentials.
  const ofHosts = ['kms:Decrypt', 'kms:GenerateDataKey', 'dynamodb:BatchWriteItem']
  expect(actionsOf(granted)).toEqual(actionsOf(sentBy('functions')).filter((action) => !ofHosts.includes(action ?? '')))
})
