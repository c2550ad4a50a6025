import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

test('docs/leases.md proves each rule by tests that exist', () => {
  const text = readFileSync(`${root}docs/leases.md`, 'utf8')
  const [, ...rules] = text.split(/^\d+\. |^## When /m)
  const proofs = [...text.matchAll(/^ *- `(.+)`$/gm)].map(([, title = '']) => title)
  const tests = globSync('test/**/*.test.ts', { cwd: root })
    .concat(globSync('test/contracts/*.contract.ts', { cwd: root }))
    .map((file) => readFileSync(root + file, 'utf8'))
  expect(rules.filter((rule) => !/^ *- `/m.test(rule)).map((rule) => rule.slice(0, 60))).toEqual([])
  expect(proofs.filter((title) => !tests.some((source) => source.includes(title)))).toEqual([])
})
