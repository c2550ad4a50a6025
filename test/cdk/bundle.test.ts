import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { bundleFunctions, writeBundle } from '../../cdk/bundle.ts'
import { budgetOf, weigh } from '../../cdk/bundle-report.ts'
import { type FunctionName, functions } from '../../functions/routes.ts'
import { temporary } from '../support/temporary.ts'

const filesOf = (folder: string) =>
  Object.fromEntries(readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), 'utf8')]))
const pathOf = (name: string) => new URL(import.meta.resolve(name)).pathname

describe('a bundle', () => {
  // CommonJS code that requires a built-in module and reads its own path, and a module that is loaded on demand.
  const sources = temporary()
  const entry = join(sources, 'entry.ts')
  writeFileSync(
    join(sources, 'library.cjs'),
    `module.exports = require('node:path').join(__dirname, 'index.mjs') === __filename`,
  )
  writeFileSync(
    entry,
    `import isHere from './library.cjs'
     console.log(isHere, (await import('${pathOf('valibot')}')).is !== undefined)`,
  )

  it('runs, and loads the parts that are imported dynamically on demand', async () => {
    const folder = temporary()
    await writeBundle(folder, { entryPoints: { index: entry } })
    const output = execFileSync(process.execPath, [join(folder, 'index.mjs')], { encoding: 'utf8' })
    expect(output.trim()).toBe('true true')
    const chunks = readdirSync(folder).filter((file) => file.endsWith('.mjs') && file !== 'index.mjs')
    expect(chunks.length).toBeGreaterThan(0)
  })

  it('is the same wherever it is written to, and tells nothing about the machine', async () => {
    const [one, other] = [temporary(), temporary()]
    await Promise.all([one, other].map((folder) => writeBundle(folder, { entryPoints: { index: entry } })))
    expect(filesOf(one)).toEqual(filesOf(other))
    expect(Object.values(filesOf(one)).join('\n')).not.toContain(process.cwd())
  })

  it('leaves nothing of an earlier one behind', async () => {
    const folder = temporary()
    writeFileSync(join(folder, 'chunk-OLD.mjs'), '')
    await writeBundle(folder, { entryPoints: { index: entry } })
    expect(readdirSync(folder)).not.toContain('chunk-OLD.mjs')
  })
})

describe('the budget', () => {
  it('is 30 KB for what the authorizer loads at start, and 450 KB for any other function', () => {
    expect((['authorizer', 'message'] as const satisfies FunctionName[]).map(budgetOf)).toEqual([30_000, 450_000])
  })

  it('is kept by all functions', async () => {
    const folder = temporary()
    const bundles = await bundleFunctions(folder)
    expect([...bundles.keys()].sort()).toEqual(Object.keys(functions).sort())
    for (const [name, bundle] of bundles) {
      const { bytes, bytesOnDemand } = weigh(bundle)
      expect(bytes, name).toBeLessThanOrEqual(budgetOf(name))
      // Sentry is built separately and must be in the folder of every function that can load it; `health` cannot.
      expect(readdirSync(join(folder, name)).includes('sentry.mjs'), name).toBe(name !== 'health')
      expect(bytesOnDemand > 250_000, name).toBe(name !== 'health')
    }
  })
})
