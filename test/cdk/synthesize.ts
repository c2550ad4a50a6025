/** Synthesizes a stage without bundling anything: empty files stand in for the bundles. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { App } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import { functionFolder, socketHostFolder } from '../../cdk/bundle.ts'
import { context } from '../../cdk/context.ts'
import { addChecks } from '../../cdk/nag.ts'
import { addStacks } from '../../cdk/stacks.ts'
import { readStage, type StageConfig } from '../../cdk/stage.ts'
import { type FunctionName, functions } from '../../functions/routes.ts'
import { temporary } from '../support/temporary.ts'

export type Resource = {
  readonly Type: string
  // biome-ignore lint/suspicious/noExplicitAny: templates are JSON of any shape, and tests say what they expect
  readonly Properties: any
  readonly Metadata: Record<string, string>
  readonly DeletionPolicy?: string
  readonly DependsOn?: readonly string[]
}

/** Number of shards of the stage `prod`. */
export const prodShards = readStage((name) => ({ stage: 'prod', ...context })[name]).shards

/** Returns the templates of a stage; `change` alters its settings. */
export function synthesize(stageName: string, change: (stage: StageConfig) => StageConfig = (stage) => stage) {
  const { app, stacks } = stage(stageName, change)
  app.synth()
  return {
    data: Template.fromStack(stacks.data),
    controlPlane: Template.fromStack(stacks.controlPlane),
    socketHost: Template.fromStack(stacks.socketHost),
    monitoring: Template.fromStack(stacks.monitoring),
  }
}

/** Returns the stacks of a stage as the CDK's command line sees them. */
export const synthesizeStacks = (stageName: string) =>
  stage(stageName, (settings) => settings)
    .app.synth()
    .stacks.map(({ stackName, terminationProtection }) => ({ stackName, terminationProtection }))

/** Synthesizes a stage with the checks of a deploy; `alter` can change its stacks before. */
export function synthesizeChecked(stageName: string, alter: (stacks: ReturnType<typeof addStacks>) => void = () => {}) {
  const { app, stacks } = stage(stageName, (settings) => settings)
  alter(stacks)
  addChecks(app)
  app.synth()
}

function stage(stageName: string, change: (stage: StageConfig) => StageConfig) {
  const settings = change(readStage((key) => ({ stage: stageName })[key]))
  const folder = temporary()
  const app = new App({
    outdir: join(folder, 'out'),
    context,
    analyticsReporting: false,
    builtinCloudFormationValidation: false,
  })
  const stacks = addStacks(app, { stage: settings, bundles: emptyBundles(folder), buildVersion: 'test' })
  return { app, stacks }
}

function emptyBundles(folder: string): string {
  for (const name of Object.keys(functions)) {
    const bundle = functionFolder(folder, name as FunctionName)
    mkdirSync(bundle)
    writeFileSync(join(bundle, 'index.mjs'), `// ${name}`)
  }
  mkdirSync(socketHostFolder(folder))
  writeFileSync(join(socketHostFolder(folder), 'Dockerfile'), 'FROM scratch')
  return folder
}

/** Returns the resources of a type, by logical id. */
export function resources(template: Template, type: string): Record<string, Resource> {
  return template.findResources(type) as Record<string, Resource>
}

/** Returns the only resource of a type. */
export function only(template: Template, type: string): Resource {
  const found = Object.values(resources(template, type))
  if (found.length !== 1) throw new Error(`Expected one ${type}, found ${found.length}`)
  return found[0]!
}

/** Returns the path of a resource in its stack, e.g. `Functions/Message/Function/Resource`. */
export function pathOf(resource: Resource): string {
  return resource.Metadata['aws:cdk:path']!.split('/').slice(1).join('/')
}

/** Returns what the roles whose path starts with `path` may do with items of a table: `action partition`, sorted. */
export function itemPermissions(template: Template, path: string, table: string): string[] {
  const pairs = Object.values(resources(template, 'AWS::IAM::Policy'))
    .filter((policy) => pathOf(policy).startsWith(path))
    .flatMap((policy) => policy.Properties.PolicyDocument.Statement)
    .filter(({ Resource }) => JSON.stringify(Resource).includes(table))
    .flatMap(({ Action, Condition }) => {
      const partitions: string | string[] = Condition?.['ForAllValues:StringLike']['dynamodb:LeadingKeys'] ?? '*'
      return [partitions].flat().flatMap((partition) => [Action].flat().map((action) => `${action} ${partition}`))
    })
  return [...new Set(pairs)].sort()
}

/**
 * Returns the permissions of the roles whose path starts with `path`, each as `action on resource`, with the resource
 * as JSON.
 */
export function permissions(template: Template, path: string): string[] {
  return Object.values(resources(template, 'AWS::IAM::Policy'))
    .filter((policy) => pathOf(policy).startsWith(path))
    .flatMap((policy) => policy.Properties.PolicyDocument.Statement)
    .flatMap((statement) =>
      [statement.Action]
        .flat()
        .flatMap((action) => [statement.Resource].flat().map((resource) => `${action} on ${JSON.stringify(resource)}`)),
    )
}
