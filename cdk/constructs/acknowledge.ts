import { Validations } from 'aws-cdk-lib'
import type { IConstruct } from 'constructs'

/**
 * Accepts findings of cdk-nag on one construct. `reasons` maps each rule to the reason why its finding is acceptable
 * here.
 */
export function acknowledge(construct: IConstruct, reasons: Readonly<Record<string, string>>): void {
  Validations.of(construct).acknowledge(...Object.entries(reasons).map(([id, reason]) => ({ id, reason })))
}

/**
 * Returns cdk-nag's name for a finding about a wildcard resource: references become `<LogicalId>`, imports the name of
 * their export.
 */
export function wildcardFinding(resolvedArn: unknown): string {
  return `AwsSolutions-IAM5[Resource::${flatten(resolvedArn)}]`
}

function flatten(value: unknown): string {
  if (typeof value === 'string') return value
  const [[intrinsic, argument] = []] = Object.entries(value ?? {})
  if (intrinsic === 'Ref') return `<${flatten(argument)}>`
  if (intrinsic === 'Fn::ImportValue') return flatten(argument)
  if (intrinsic === 'Fn::Join' && Array.isArray(argument) && Array.isArray(argument[1]))
    return argument[1].map(flatten).join(flatten(argument[0]))
  throw new Error(`Cannot name a finding about ${JSON.stringify(value)}`)
}
