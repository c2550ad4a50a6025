/** Roles of functions and containers: their policies' statements about DynamoDB. */
import * as v from 'valibot'
import type { ItemRight, Role } from '../services/item-rights.ts'
import type { Resource } from './assembly.ts'
import { describe } from './properties.ts'
import type { Reader } from './reader.ts'

const oneOrMore = v.pipe(
  v.union([v.string(), v.array(v.string())]),
  v.transform((value) => [value].flat()),
)
/** Anything else in a statement could narrow or widen it: it is refused. */
const ItemStatement = v.strictObject({
  Sid: v.optional(v.string()),
  Effect: v.literal('Allow'),
  Action: oneOrMore,
  Resource: oneOrMore,
  Condition: v.optional(
    v.strictObject({ 'ForAllValues:StringLike': v.strictObject({ 'dynamodb:LeadingKeys': oneOrMore }) }),
  ),
})
const Document = v.object({ Statement: v.array(v.record(v.string(), v.unknown())) })
const Attached = v.object({ Roles: v.optional(v.array(v.object({ Ref: v.string() })), []), PolicyDocument: Document })
const Inline = v.object({ Policies: v.optional(v.array(v.object({ PolicyDocument: Document })), []) })
const RoleArn = v.object({ 'Fn::GetAtt': v.tuple([v.string(), v.literal('Arn')]) })

/**
 * Reads the role of a function or a container, given the property that names it. Undefined when it names none of its
 * stack: then nothing is known about its rights.
 */
export async function readRole(
  resource: Resource,
  property: 'Role' | 'TaskRoleArn',
  name: string,
  reader: Reader,
): Promise<Role | undefined> {
  const arn = v.safeParse(RoleArn, resource.properties[property])
  if (!arn.success) return undefined
  const [roleId] = arn.output['Fn::GetAtt']
  const stack = reader.assembly.stacks.find((each) => each.name === resource.stack)
  const documents = [...(stack?.resources.values() ?? [])].flatMap((each) => documentsOf(each, roleId))
  const statements = documents.flatMap(({ Statement }) => Statement).filter(isAboutItems)
  return { name, rights: await Promise.all(statements.map((each) => toRight(each, resource, reader))) }
}

function documentsOf({ id, type, properties }: Resource, roleId: string): v.InferOutput<typeof Document>[] {
  if (type === 'AWS::IAM::Role' && id === roleId)
    return v.parse(Inline, properties).Policies.map(({ PolicyDocument }) => PolicyDocument)
  if (type !== 'AWS::IAM::Policy' && type !== 'AWS::IAM::ManagedPolicy') return []
  const { Roles, PolicyDocument } = v.parse(Attached, properties)
  return Roles.some(({ Ref }) => Ref === roleId) ? [PolicyDocument] : []
}

/** True for a statement that may concern DynamoDB; those about other services are not resolved. */
function isAboutItems({ Action }: Readonly<Record<string, unknown>>): boolean {
  return Action === undefined || [Action].flat().some((action) => /^(\*|dynamodb:)/.test(String(action)))
}

async function toRight(statement: unknown, resource: Resource, reader: Reader): Promise<ItemRight> {
  const parsed = v.safeParse(ItemStatement, await reader.resolve(resource.stack, statement))
  if (!parsed.success)
    throw new Error(`${describe(resource)}: its role has a statement that the local run does not understand`)
  const { Action: actions, Resource: resources, Condition } = parsed.output
  return { actions, resources, leadingKeys: Condition?.['ForAllValues:StringLike']['dynamodb:LeadingKeys'] }
}
