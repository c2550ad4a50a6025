/**
 * `npm run deploy:check`: lists the resources of each stage and runs the checks that a deploy must pass. Standard output is
 * meant to be compared (`npm run -s deploy:check > before.txt`); figures that differ from run to run go to standard error.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type BundleReport, reportBundles } from './bundle-report.ts'
import { stages } from './stage.ts'

type Resource = {
  readonly Type: string
  readonly Metadata?: Readonly<Record<string, string>>
  readonly Properties?: {
    readonly [name: string]: unknown
    readonly Environment?: { readonly Variables?: Readonly<Record<string, unknown>> }
  }
}
type Template = { readonly Resources: Readonly<Record<string, Resource>> }

const root = resolve(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'pairplane-deploy-check-'))

try {
  for (const stage of Object.keys(stages)) printStage(stage)
  const problems = printBundles(await reportBundles(join(folder, 'functions'), environmentOf))
  runTests()
  if (problems.length > 0) throw new Error(problems.join('\n'))
  console.log('\nready to deploy')
} finally {
  rmSync(folder, { recursive: true })
}

/** Synthesizes a stage, with CloudFormation's and cdk-nag's rules, and lists its resources, one per line. */
function printStage(stage: string): void {
  execFileSync(process.execPath, ['cdk/app.ts'], {
    cwd: root,
    env: { ...process.env, CDK_OUTDIR: join(folder, stage), CDK_CONTEXT_JSON: JSON.stringify({ stage }) },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  for (const [stack, template] of templatesOf(stage)) {
    console.log(`\n${stack}`)
    for (const line of Object.entries(template.Resources).map(lineOf).sort()) console.log(`  ${line}`)
  }
}

/**
 * Returns type, construct path, and a digest that changes with the resource's properties (and so with the code of a
 * function).
 */
function lineOf([id, { Type, Metadata, Properties }]: [string, Resource]): string {
  const path =
    Metadata?.['aws:cdk:path']
      ?.split('/')
      .slice(1)
      .join('/')
      .replace(/\/Resource$/, '') ?? id
  return `${Type} ${path} ${createHash('sha256')
    .update(JSON.stringify(Properties ?? {}))
    .digest('hex')
    .slice(0, 8)}`
}

function templatesOf(stage: string): [string, Template][] {
  const files = readdirSync(join(folder, stage)).filter((file) => file.endsWith('.template.json'))
  return files
    .sort()
    .map((file) => [file.replace('.template.json', ''), JSON.parse(readFileSync(join(folder, stage, file), 'utf8'))])
}

/** Prints the bundles; returns a sentence for each function that exceeds its budget. */
function printBundles(reports: readonly BundleReport[]): string[] {
  const kb = (bytes: number) => (bytes / 1000).toFixed(1).padStart(9)
  console.log('\nfunction      at start on demand    budget (KB)')
  for (const { name, bytes, bytesOnDemand, budget } of reports)
    console.log(`${name.padEnd(12)} ${kb(bytes)} ${kb(bytesOnDemand)} ${kb(budget)}`)
  const times = reports.map(({ name, importMs }) => `${name} ${importMs.toFixed(0)}`)
  console.error(`\nmilliseconds to load, on this machine: ${times.join(', ')}`)
  return reports
    .filter(({ bytes, budget }) => bytes > budget)
    .map(({ name, bytes, budget }) => `${name} loads ${bytes} bytes at start, its budget is ${budget}`)
}

/** Returns the variables of a function in the first stage's template; references become the text `reference`. */
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

/** Runs the tests of the templates. */
function runTests(): void {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  execFileSync(process.execPath, [vitest, 'run', 'test/cdk'], {
    cwd: root,
    stdio: ['ignore', process.stderr, 'inherit'],
  })
}
