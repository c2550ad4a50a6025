import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { temporary } from '../support/temporary.ts'
import { supervise, verdictPrefix } from './supervise.ts'

async function watched(script: string) {
  const journal = join(temporary(), 'journal')
  const output: string[] = []
  const code = await supervise({
    args: ['--input-type=module', '--eval', script],
    journal,
    say: (line) => output.push(line),
  })
  return { code, output, journal: readFileSync(journal, 'utf8') }
}

const verdict = `console.log('${verdictPrefix}every promise was kept')`

it.each([
  ['a run that keeps its promises', verdict, 0],
  ['a run that breaks one', `${verdict}; process.exit(1)`, 1],
])('%s ends as it says', async (_name, script, code) => {
  const { code: ended, output } = await watched(script)
  expect(ended).toBe(code)
  expect(output.at(-1)).toMatch(verdictPrefix)
})

it.each([
  ['leaves in the middle', `console.log('half way'); process.exit(0)`, 'ended with exit code 0'],
  ['is killed', `console.log('half way'); process.kill(process.pid, 'SIGKILL')`, 'was ended by SIGKILL'],
  ['waits for what never comes', `console.log('half way'); await new Promise(() => {})`, 'ended with exit code 13'],
  ['is killed after its verdict', `${verdict}; process.kill(process.pid, 'SIGKILL')`, 'was ended by SIGKILL'],
])('a run that %s has failed, and says how it ended', async (_name, script, end) => {
  const { code, output, journal } = await watched(script)
  expect(code).toBe(1)
  expect(output.join('\n')).toContain(`FAILED: the run has no verdict, and ${end}`)
  expect(journal).toContain(end)
})
