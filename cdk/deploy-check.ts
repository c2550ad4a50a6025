/** `npm run deploy:check`: what would be deployed, stage by stage, and whether it may. Its output is meant to be compared. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type BundleReport, reportBundles } from './bundle-report.ts'
import { stages } from './stage.ts'

type Resource = {
  readonly Type: string
  readonly Metadata?: Readonly<Record<string, string>>
  readonly Properties?: { readonly Environment?: { readonly Variables?: Readonly<Record<string, unknown>> } }
}
type Template = { readonly Resources: Readonly<Record<string, Resource>> }

const root = resolve(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'pairplane-deploy-check-'))

try {
  for (const stage of Object.keys(stages)) printStage(stage)
  const problems = printBundles(await reportBundles(join(folder, 'functions'), environmentOf))
  run('vitest', ['run', 'test/cdk'])
  if (problems.length > 0) throw new Error(problems.join('\n'))
  console.log('\nready to deploy')
} finally {
  rmSync(folder, { recursive: true })
}

/** Synthesizes a stage, with CloudFormation's and cdk-nag's rules, and lists what it is made of. */
function printStage(stage: string): void {
  execFileSync(process.execPath, ['cdk/app.ts'], {
    cwd: root,
    env: { ...process.env, CDK_OUTDIR: join(folder, stage), CDK_CONTEXT_JSON: JSON.stringify({ stage }) },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  for (const [stack, template] of templatesOf(stage)) {
    console.log(`\n${stack}`)
    const types = Object.values(template.Resources).map((resource) => resource.Type)
    for (const type of [...new Set(types)].sort())
      console.log(`  ${type} ${types.filter((other) => other === type).length}`)
  }
}

function templatesOf(stage: string): [string, Template][] {
  const files = readdirSync(join(folder, stage)).filter((file) => file.endsWith('.template.json'))
  return files
    .sort()
    .map((file) => [file.replace('.template.json', ''), JSON.parse(readFileSync(join(folder, stage, file), 'utf8'))])
}

/** Prints the bundles; returns what is over its budget. */
function printBundles(reports: readonly BundleReport[]): string[] {
  console.log('\nfunction       at start KB   on demand KB   import ms   budget KB')
  const kb = (bytes: number, width: number) => (bytes / 1000).toFixed(1).padStart(width)
  for (const { name, bytes, bytesOnDemand, importMs, budget } of reports)
    console.log(
      `${name.padEnd(12)} ${kb(bytes, 13)} ${kb(bytesOnDemand, 14)} ${importMs.toFixed(0).padStart(11)} ${kb(budget, 11)}`,
    )
  return reports
    .filter(({ bytes, budget }) => bytes > budget)
    .map(({ name, bytes, budget }) => `${name} loads ${bytes} bytes at start, its budget is ${budget}`)
}

/** The variables of a function as the first stage's template has them; references become text. */
function environmentOf(name: string): Record<string, string> {
  const [stage = ''] = Object.keys(stages)
  const found = templatesOf(stage)
    .flatMap(([, template]) => Object.values(template.Resources))
    .find((resource) =>
      resource.Metadata?.['aws:cdk:path']?.toLowerCase().endsWith(`functions/${name}/function/resource`),
    )
  const variables = Object.entries(found?.Properties?.Environment?.Variables ?? {})
  return Object.fromEntries(variables.map(([key, value]) => [key, typeof value === 'string' ? value : 'reference']))
}

function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { cwd: root, stdio: 'inherit' })
}
