import { describe, expect, it } from 'vitest'
import { maxShards } from '#shared/config/env.ts'
import { readStage } from '../../cdk/stage.ts'
import { type FunctionName, functions } from '../../functions/routes.ts'
import { pathOf, resources, synthesize } from './synthesize.ts'

/** A stage with a longer name and larger limits than prod. */
const templates = synthesize('prod', (stage) => ({
  ...stage,
  name: 'production-eu',
  shards: maxShards,
  allowedOrigins: Array.from({ length: 10 }, (_, i) => `https://marketplace-${i}.shop.example`),
  sentryDsn: 'https://0123456789abcdef0123456789abcdef@o4500000000000000.ingest.de.sentry.io/4500000000000000',
}))
const { controlPlane, socketHost } = templates

/** A text at least as long as any value of a reference: a queue's URL, the ARN of a secret. */
const reference = 'https://sqs.eu-central-1.amazonaws.com/111111111111/'.padEnd(130, 'x')
const pseudo: Readonly<Record<string, string>> = {
  'AWS::AccountId': '111111111111',
  'AWS::Region': 'eu-central-1',
  'AWS::Partition': 'aws',
  'AWS::URLSuffix': 'amazonaws.com',
}

type Node = string | { readonly Ref?: string; readonly 'Fn::Join'?: readonly [string, readonly Node[]] }

function textOf(value: Node): string {
  if (typeof value === 'string') return value
  const join = value['Fn::Join']
  if (join) return join[1].map(textOf).join(join[0])
  return pseudo[value.Ref ?? ''] ?? reference
}

/** Replaces all references of a policy by text. */
function resolved(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(resolved)
  if (typeof value !== 'object' || value === null) return value
  const [[key] = []] = Object.entries(value)
  if (key === 'Ref' || key?.startsWith('Fn::')) return textOf(value as Node)
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, resolved(part)]))
}

describe(`with ${maxShards} shards`, () => {
  it.each(Object.keys(functions) as FunctionName[])('the environment of %s fits into 4096 bytes', (name) => {
    const path = `functions/${name}/function/resource`
    const found = Object.values(resources(controlPlane, 'AWS::Lambda::Function')).find(
      (each) => pathOf(each).toLowerCase() === path.toLowerCase(),
    )!
    const variables = Object.entries(found.Properties.Environment.Variables as Record<string, Node>)
    const bytes = Buffer.byteLength(variables.map(([key, value]) => key + textOf(value)).join(''))
    expect(bytes).toBeGreaterThan(0)
    expect(bytes).toBeLessThan(3500)
  })

  it('what a role may do fits into its policies: 10,240 characters within the role, 6,144 in one of its own', () => {
    const sizes = (type: string) =>
      [controlPlane, socketHost]
        .flatMap((each) => Object.values(resources(each, type)))
        .map(({ Properties }) => JSON.stringify(resolved(Properties.PolicyDocument)).length)
    expect(Math.max(...sizes('AWS::IAM::Policy'))).toBeLessThan(9000)
    // The CDK moves the queues into a policy of its own when they seem too many: it assumes 150 characters for each.
    expect(Math.max(...sizes('AWS::IAM::ManagedPolicy'))).toBeGreaterThan(maxShards * 70)
    expect(Math.max(...sizes('AWS::IAM::ManagedPolicy'))).toBeLessThan(5500)
  })

  it('no stack comes near CloudFormation’s 200 outputs and 500 resources', () => {
    for (const [name, template] of Object.entries(templates)) {
      const { Outputs = {}, Resources } = template.toJSON()
      expect(Object.keys(Outputs).length, name).toBeLessThan(50)
      expect(Object.keys(Resources).length, name).toBeLessThan(400)
    }
  })
})

describe('more shards', () => {
  it('are refused in the settings of a stage', () => {
    const settings = { stage: 'dev', shards: maxShards + 1 }
    expect(() => readStage((key) => settings[key as keyof typeof settings])).toThrow(`from 1 to ${maxShards}`)
  })
})
