import { describe, expect, test } from 'vitest'
import { noValue, resolve, type Scope } from '../../../local/template/intrinsics.ts'

const refs: Record<string, unknown> = { Table: 'things', 'AWS::Region': 'us-east-1', 'AWS::NoValue': noValue }

const scope: Scope = {
  ref: async (name) => {
    if (!(name in refs)) throw new Error(`no ${name}`)
    return refs[name]
  },
  getAtt: async (id, attribute) => `${id}@${attribute}`,
  importValue: async (name) => `imported ${name}`,
  dynamicReference: async (reference) => `<${reference}>`,
}

/** Variables for Fn::Sub. */
const sub = (name: string) => `\${${name}}`

describe('intrinsic functions', () => {
  test.each([
    [{ Ref: 'Table' }, 'things'],
    [{ 'Fn::GetAtt': ['Queue', 'Arn'] }, 'Queue@Arn'],
    [{ 'Fn::GetAtt': ['Db', 'Endpoint', 'Port'] }, 'Db@Endpoint.Port'],
    [{ 'Fn::GetAtt': 'Queue.Arn' }, 'Queue@Arn'],
    [{ 'Fn::ImportValue': 'other:Export' }, 'imported other:Export'],
    [{ 'Fn::ImportValue': { 'Fn::Sub': `other-${sub('AWS::Region')}` } }, 'imported other-us-east-1'],
    [{ 'Fn::Join': ['-', ['a', { Ref: 'Table' }, 3]] }, 'a-things-3'],
    [{ 'Fn::Split': ['/', 'a/b/c'] }, ['a', 'b', 'c']],
    [{ 'Fn::Select': [1, { 'Fn::Split': ['/', 'a/b/c'] }] }, 'b'],
    [{ 'Fn::Select': ['0', ['x']] }, 'x'],
    [
      { 'Fn::Sub': `${sub('Table')} in ${sub('AWS::Region')}, ${sub('Queue.Arn')}, ${sub('!Literal')}` },
      `things in us-east-1, Queue@Arn, ${sub('Literal')}`,
    ],
    [{ 'Fn::Sub': [`${sub('a')}${sub('Table')}`, { a: { Ref: 'AWS::Region' } }] }, 'us-east-1things'],
    [{ 'Fn::Base64': 'hi' }, 'aGk='],
    [
      { list: [{ Ref: 'Table' }, { Ref: 'AWS::NoValue' }], gone: { Ref: 'AWS::NoValue' }, n: null },
      { list: ['things'], n: null },
    ],
    ['{{resolve:secretsmanager:a:SecretString}}!', '<secretsmanager:a:SecretString>!'],
    [{ 'Fn::Join': ['', ['{{resolve:', 'x', '}}']] }, '<x>'],
    [
      { Ref: 'Table', other: 1 },
      { Ref: 'Table', other: 1 },
    ],
  ])('%j', async (expression, value) => {
    expect(await resolve(expression, scope)).toEqual(value)
  })

  test.each([
    [{ 'Fn::If': ['Condition', 1, 2] }, 'Fn::If is not understood'],
    [{ 'Fn::Cidr': ['10.0.0.0/16', 2, 8] }, 'Fn::Cidr is not understood'],
    [{ Ref: 'Nobody' }, 'no Nobody'],
    [{ 'Fn::Select': [3, ['a']] }, 'no element 3'],
    [{ 'Fn::Join': ['', [{ a: 1 }]] }, 'expected a text'],
  ])('%j is refused', async (expression, message) => {
    await expect(resolve(expression, scope)).rejects.toThrow(message)
  })
})
